//! What a command has named: whoever asked learns the ids of what it created without reading the file again.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::id::{
    ApplicationId, CandidacyId, CommandId, CommitteeId, ConsentId, LabelId, LeaseId, OfflineSpellId,
    PersonId, PersonRequestId, ReferralId, RequestId, SessionId, StayId, TokenId, VacancyId,
};

/// The things that `command` created, judged by the kinds of its events: for each word of data and URLs (`request`,
/// `stay`) the ids, in the order of the events. Ledgers are not among them: the receipt names those. Nor is what came
/// along from another household, whose copies are in that event.
#[must_use]
pub fn created<'a>(
    command: CommandId,
    kinds: impl IntoIterator<Item = &'a str>,
) -> BTreeMap<&'static str, Vec<Uuid>> {
    let mut all: BTreeMap<&'static str, Vec<Uuid>> = BTreeMap::new();
    for kind in kinds {
        let (word, id) = match kind {
            "household.member_added" => ("person", PersonId::created_by(command).0),
            "consent.given" => ("consent", ConsentId::created_by(command).0),
            "person_request.recorded" => ("person_request", PersonRequestId::created_by(command).0),
            "request.created" => ("request", RequestId::created_by(command).0),
            "referral.proposed" => ("referral", ReferralId::created_by(command).0),
            "stay.started" => ("stay", StayId::created_by(command).0),
            "housing_application.registered" => ("application", ApplicationId::created_by(command).0),
            "priority.granted" => ("label", LabelId::created_by(command).0),
            "place.taken_offline" => ("spell", OfflineSpellId::created_by(command).0),
            "vacancy.declared" => ("vacancy", VacancyId::created_by(command).0),
            "committee.convened" => ("committee", CommitteeId::created_by(command).0),
            "candidacy.designated" => {
                let before = all.get("candidacy").map_or(0, Vec::len);
                ("candidacy", CandidacyId::nth_created_by(command, before).0)
            }
            "token.issued" => ("token", TokenId::created_by(command).0),
            "user.signed_in" => ("session", SessionId::created_by(command).0),
            "lease.signed" => ("lease", LeaseId::created_by(command).0),
            _ => continue,
        };
        all.entry(word).or_default().push(id);
    }
    all
}
