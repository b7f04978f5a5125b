//! The kinds of file that can be imported, one file each: its columns, and how its lines become commands.

mod applications;
mod composition;
mod households;
mod once;
mod people;
mod places;
mod request;
mod sne;
mod stays;
mod structures;
mod xml;

use super::columns::{BadHeadings, Column, Layout, Unknown};
use super::origin::Origin;
use super::plan::Plan;
use super::refused::Form;
use super::table::{self, Table, Unreadable};

pub use sne::Requests;
pub use xml::BadXml;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Households, one line per person, with their request if they have one.
    Households,
    /// Structures and buildings.
    Structures,
    /// Places and dwellings, with their vacancy if they are free.
    Places,
    /// Stays, past and running.
    Stays,
    /// Social-housing applications.
    Applications,
    /// Requests of the national social-housing register, in XML.
    Sne,
}

/// A file that was read: what its verdicts are told beside, and what it asks for.
#[derive(Debug)]
pub struct Planned {
    /// The lines as they stand in the file.
    pub table: Table,
    /// What they ask for.
    pub plan: Plan,
    /// Headings that mean nothing here.
    pub unknown: Vec<Unknown>,
    /// What was understood, where that helps: for the requests of the register.
    pub told: Vec<String>,
    /// How the lines that are refused are written.
    pub form: Form,
}

/// Why a file was refused as a whole: nothing of it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Its headings are not those of its kind.
    #[error(transparent)]
    Headings(#[from] BadHeadings),
    /// It is no request of the register.
    #[error(transparent)]
    Xml(#[from] BadXml),
}

impl Kind {
    /// Every kind, in the order in which files are imported: later ones refer to earlier ones.
    pub const ALL: [Self; 6] =
        [Self::Structures, Self::Places, Self::Households, Self::Stays, Self::Applications, Self::Sne];

    /// The name on the command line: `households`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Households => "households",
            Self::Structures => "structures",
            Self::Places => "places",
            Self::Stays => "stays",
            Self::Applications => "applications",
            Self::Sne => "sne",
        }
    }

    /// What a file of the kind holds, in French.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Households => {
                "Ménages : une ligne par personne, la même référence pour tout le ménage. Ce qui concerne le ménage et sa demande s'écrit sur la ligne du demandeur principal."
            }
            Self::Structures => "Structures, et bâtiments des bailleurs sociaux : une ligne chacune.",
            Self::Places => {
                "Places, et logements des bailleurs sociaux : une ligne chacune. La structure est nommée par sa référence."
            }
            Self::Stays => {
                "Séjours passés et en cours : une ligne chacun. Ménage et place sont nommés par leur référence."
            }
            Self::Applications => "Demandes de logement social : une ligne chacune.",
            Self::Sne => {
                "Demandes du système national d'enregistrement, en XML (interfaceNuu 02.00 ou 02.01) : pas de colonnes. Chacune devient un ménage et sa demande de logement social ; le numéro unique est la référence du ménage. Une demande déposée il y a plus d'un an a été renouvelée depuis : `--renewed-on` dit quand. Les demandes refusées sont dans `<fichier>.refused.xml`, avec leur motif en commentaire."
            }
        }
    }

    /// The columns of a file of the kind; none for XML.
    #[must_use]
    pub fn columns(self) -> &'static [&'static Column] {
        match self {
            Self::Households => &households::COLUMNS,
            Self::Structures => &structures::COLUMNS,
            Self::Places => &places::COLUMNS,
            Self::Stays => &stays::COLUMNS,
            Self::Applications => &applications::COLUMNS,
            Self::Sne => &[],
        }
    }

    /// Reads the bytes of a file of the kind as what it asks for. `sheet` names the sheet of a workbook.
    ///
    /// # Errors
    /// [`BadFile`] when the file as a whole cannot be taken.
    pub fn plan(self, bytes: &[u8], sheet: Option<&str>, origin: &Origin) -> Result<Planned, BadFile> {
        let plan = match self {
            Self::Households => households::plan,
            Self::Structures => structures::plan,
            Self::Places => places::plan,
            Self::Stays => stays::plan,
            Self::Applications => applications::plan,
            Self::Sne => return Ok(sne::plan(&table::decode(bytes), origin)?),
        };
        let table = table::parse(bytes, sheet)?;
        let layout = Layout::of(&table, self.columns())?;
        let plan = plan(&table, &layout, origin);
        let unknown = layout.unknown().to_vec();
        Ok(Planned { table, plan, unknown, told: Vec::new(), form: Form::Csv })
    }
}
