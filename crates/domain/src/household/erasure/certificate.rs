//! The certificate: what the person who asked is given, in words.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Erasure, ErasureCertified};
use crate::calendar::{Day, day};
use crate::event::Stamp;
use crate::id::HouseholdId;

/// What was made sure of after the erasure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// When.
    pub at: Timestamp,
    /// How many events the ledger held.
    pub events: u64,
    /// How many sealed values they hold.
    pub values: u64,
    /// How many of them were refused to open.
    pub refused: u64,
    /// The epoch of the key-encryption key that was destroyed.
    pub epoch: u32,
    /// The last day on which an older backup and the escrow together could still bring it back.
    pub backups_until: Day,
}

impl Certificate {
    pub(super) fn of(e: &ErasureCertified, stamp: &Stamp) -> Self {
        let ErasureCertified { events, values, refused, epoch, backups_until } = *e;
        Self { at: stamp.effective, events, values, refused, epoch, backups_until }
    }

    /// The certificate of the erasure of `household`, in French.
    #[must_use]
    pub fn french(&self, household: HouseholdId, erasure: &Erasure) -> String {
        let on = |at| crate::decide::day_words(day(household.territory(), at));
        let (epoch, values, events, refused) = (self.epoch, self.values, self.events, self.refused);
        format!(
            "Certificat d'effacement\n\n\
             Dossier : {household}\n\
             Motif : {}\n\
             Décidé par deux personnes et effacé le {}.\n\n\
             Les noms, coordonnées et notes de ce dossier ne sont plus lisibles. La clé qui les ouvrait est supprimée ; \
             la clé qui la protégeait (époque {epoch}) est détruite. Vérification faite le {} : l'ouverture des {values} \
             valeurs scellées des {events} faits du dossier a été demandée, et refusée {refused} fois.\n\n\
             Restent, sans identité, les dates et les codes du parcours, pour les statistiques.\n\
             Les sauvegardes faites avant l'effacement ne contiennent aucune clé ; ce qui permettrait encore de les ouvrir \
             est détruit au plus tard le {}. Toute restauration efface de nouveau ce dossier avant d'être ouverte.\n",
            erasure.ground.words().0,
            on(erasure.at),
            on(self.at),
            crate::decide::day_words(self.backups_until.0),
        )
    }

    /// The same in English.
    #[must_use]
    pub fn english(&self, household: HouseholdId, erasure: &Erasure) -> String {
        let on = |at| day(household.territory(), at);
        let (epoch, values, events, refused) = (self.epoch, self.values, self.events, self.refused);
        format!(
            "Certificate of erasure\n\n\
             File: {household}\n\
             Ground: {}\n\
             Decided by two people and erased on {}.\n\n\
             Names, contacts and notes of this file can no longer be read. The key that opened them is removed; the key \
             that protected it (epoch {epoch}) is destroyed. Verified on {}: opening the {values} sealed values of the \
             {events} facts of the file was asked for, and refused {refused} times.\n\n\
             What remains, without identity, are the dates and codes of the pathway, for statistics.\n\
             Backups made before the erasure hold no key; what could still open them is destroyed on {} at the latest. \
             Any restore erases this file again before it is opened.\n",
            erasure.ground.words().1,
            on(erasure.at),
            on(self.at),
            self.backups_until.0,
        )
    }
}
