//! The data file of rights: rows of the minimisation matrix, groups of fields, roles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

use super::{Action, Relation, Role};

/// A group of fields that are shown or withheld together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Identity and contacts.
    Id,
    /// Composition: ages, links, pregnancy.
    Comp,
    /// Needs: size, accessibility, animals, wishes.
    Need,
    /// Resources.
    Res,
    /// Right of residence.
    Adm,
    /// Social situation and notes.
    Soc,
    /// Violence and safety.
    Viol,
    /// Justice.
    Just,
    /// Stays.
    Hist,
    /// Unique number, application, priority labels.
    Sne,
    /// Requests and referrals themselves.
    Path,
    /// Candidacies and leases.
    Let,
}

impl Group {
    /// All of them, in the order of the matrix.
    pub const ALL: [Self; 12] = [
        Self::Id,
        Self::Comp,
        Self::Need,
        Self::Res,
        Self::Adm,
        Self::Soc,
        Self::Viol,
        Self::Just,
        Self::Hist,
        Self::Sne,
        Self::Path,
        Self::Let,
    ];

    /// Its code: `id`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Comp => "comp",
            Self::Need => "need",
            Self::Res => "res",
            Self::Adm => "adm",
            Self::Soc => "soc",
            Self::Viol => "viol",
            Self::Just => "just",
            Self::Hist => "hist",
            Self::Sne => "sne",
            Self::Path => "path",
            Self::Let => "let",
        }
    }

    /// Whether reading it identifies somebody or tells their story: such a read is recorded before it is answered.
    #[must_use]
    pub fn identifies(self) -> bool {
        match self {
            Self::Id | Self::Soc | Self::Viol | Self::Just | Self::Sne => true,
            Self::Comp | Self::Need | Self::Res | Self::Adm | Self::Hist | Self::Path | Self::Let => false,
        }
    }

    /// Whether a level means something for it.
    fn takes(self, level: Level) -> bool {
        match level {
            Level::None | Level::Read | Level::Write => true,
            Level::Flag => matches!(self, Self::Viol | Self::Just | Self::Soc),
            Level::YesNo => self == Self::Adm,
            Level::Pseudonym => self == Self::Id,
            Level::Bracket => self == Self::Res,
            Level::Note => self == Self::Soc,
            Level::Own => matches!(self, Self::Hist | Self::Path | Self::Let),
            Level::Recent => self == Self::Hist,
            Level::Zones => self == Self::Viol,
        }
    }
}

/// How much of a group is shown; each more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing.
    None,
    /// That there is something.
    Flag,
    /// Regular or not.
    YesNo,
    /// A reference of the reader's own.
    Pseudonym,
    /// An amount as a bracket.
    Bracket,
    /// The note written for the reader.
    Note,
    /// What concerns the reader's own places.
    Own,
    /// The last twelve months.
    Recent,
    /// Zones to avoid, without the note.
    Zones,
    /// All of it.
    Read,
    /// All of it, and to change it.
    Write,
}

impl Level {
    /// All of them, least first.
    pub const ALL: [Self; 11] = [
        Self::None,
        Self::Flag,
        Self::YesNo,
        Self::Pseudonym,
        Self::Bracket,
        Self::Note,
        Self::Own,
        Self::Recent,
        Self::Zones,
        Self::Read,
        Self::Write,
    ];

    /// The words of the French matrix.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "–",
            Self::Flag => "signalé",
            Self::YesNo => "régulier ou non",
            Self::Pseudonym => "pseudonyme",
            Self::Bracket => "tranche",
            Self::Note => "note de liaison",
            Self::Own => "ses propres places",
            Self::Recent => "douze derniers mois",
            Self::Zones => "zones à éviter",
            Self::Read => "lecture",
            Self::Write => "lecture et écriture",
        }
    }
}

/// One row of the matrix: how much of each group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    levels: BTreeMap<Group, Level>,
}

impl Row {
    /// A row that shows nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self { levels: BTreeMap::new() }
    }

    /// How much of `group`.
    #[must_use]
    pub fn level(&self, group: Group) -> Level {
        self.levels.get(&group).copied().unwrap_or(Level::None)
    }

    /// What either of two rows shows.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let most = |group| (group, self.level(group).max(other.level(group)));
        Self { levels: Group::ALL.map(most).into() }
    }

    /// The same row with another level in one cell: for tests of the tests.
    #[must_use]
    pub fn with(mut self, group: Group, level: Level) -> Self {
        self.levels.insert(group, level);
        self
    }
}

/// Which places and structures a role sees and acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supply {
    /// None.
    None,
    /// Those of its organisation.
    Own,
    /// Those of its organisation's départements.
    Territory,
}

/// How a role calls households.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calls {
    /// By their ids.
    Id,
    /// By a reference of its organisation's own, which nobody else can join to theirs.
    Reference,
}

/// What a role may do, and which rows hold for it.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleRights {
    /// Its French name.
    pub label: String,
    /// What it may do: codes of actions.
    pub actions: BTreeSet<String>,
    /// Those that need no row.
    pub opens: BTreeSet<String>,
    /// The row for each thing that an organisation can be to a household.
    pub rows: BTreeMap<Relation, String>,
    /// Places and structures.
    pub supply: Supply,
    /// Households.
    pub households: Calls,
}

/// The whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    rows: BTreeMap<String, (String, Row)>,
    roles: BTreeMap<Role, RoleRights>,
    pub(super) fields: Vec<(Vec<String>, Group)>,
    pub(super) events: BTreeMap<String, Group>,
    pub(super) event_fields: Vec<(Vec<String>, Group)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rows: BTreeMap<String, WrittenRow>,
    fields: BTreeMap<String, Group>,
    events: BTreeMap<String, Group>,
    event_fields: BTreeMap<String, Group>,
    bundles: BTreeMap<String, Vec<String>>,
    roles: BTreeMap<Role, WrittenRole>,
}

#[derive(Deserialize)]
struct WrittenRow {
    label: String,
    #[serde(flatten)]
    levels: BTreeMap<Group, Level>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRole {
    label: String,
    rows: BTreeMap<Relation, String>,
    supply: Supply,
    households: Calls,
    #[serde(default)]
    opens: BTreeSet<String>,
    actions: Vec<String>,
}

/// Why a file of rights cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    /// It is not what it should be.
    #[error("the file of rights cannot be read: {0}")]
    Form(#[from] toml::de::Error),
    /// A role is left out: what it may do must be said, be it nothing.
    #[error("the file of rights says nothing of the role {0}")]
    MissingRole(Role),
    /// A cell is missing.
    #[error("the row {row} says nothing of {group:?}")]
    MissingCell {
        /// The row.
        row: String,
        /// The group.
        group: Group,
    },
    /// A level that means nothing for its group.
    #[error("the row {row} cannot show {group:?} at the level {level:?}")]
    Senseless {
        /// The row.
        row: String,
        /// The group.
        group: Group,
        /// The level.
        level: Level,
    },
    /// A row or a bundle that is named and does not exist.
    #[error("the role {role} names {name}, which does not exist")]
    Unknown {
        /// The role.
        role: Role,
        /// What it names.
        name: String,
    },
}

fn segments(paths: BTreeMap<String, Group>) -> Vec<(Vec<String>, Group)> {
    paths.into_iter().map(|(path, group)| (path.split('.').map(str::to_owned).collect(), group)).collect()
}

impl Matrix {
    /// The file that is shipped: `config/rights.toml`.
    ///
    /// # Panics
    /// Never in a program that was tested: the file is part of it.
    #[must_use]
    pub fn shipped() -> &'static Self {
        static SHIPPED: LazyLock<Matrix> = LazyLock::new(|| {
            let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/rights.toml"));
            #[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
            Matrix::read(text).expect("config/rights.toml")
        });
        &SHIPPED
    }

    /// Reads a file of rights. Every role and every cell must be there.
    ///
    /// # Errors
    /// [`MatrixError`] names what is wrong.
    pub fn read(text: &str) -> Result<Self, MatrixError> {
        let written: Written = toml::from_str(text)?;
        let mut rows = BTreeMap::new();
        for (name, WrittenRow { label, levels }) in written.rows {
            for group in Group::ALL {
                let Some(level) = levels.get(&group).copied() else {
                    return Err(MatrixError::MissingCell { row: name, group });
                };
                if !group.takes(level) {
                    return Err(MatrixError::Senseless { row: name, group, level });
                }
            }
            rows.insert(name, (label, Row { levels }));
        }
        let mut roles = BTreeMap::new();
        for (role, is) in written.roles {
            let unknown = |name: &str| MatrixError::Unknown { role, name: name.to_owned() };
            if let Some(row) = is.rows.values().find(|row| !rows.contains_key(*row)) {
                return Err(unknown(row));
            }
            let mut actions = BTreeSet::new();
            for action in is.actions.iter().cloned() {
                match action.strip_prefix('@') {
                    Some(bundle) => {
                        let bundle = written.bundles.get(bundle).ok_or_else(|| unknown(&action))?;
                        actions.extend(bundle.iter().cloned());
                    }
                    None => drop(actions.insert(action)),
                }
            }
            if let Some(open) = is.opens.iter().find(|open| !actions.contains(*open)) {
                return Err(unknown(open));
            }
            let WrittenRole { label, rows, supply, households, opens, .. } = is;
            roles.insert(role, RoleRights { label, actions, opens, rows, supply, households });
        }
        if let Some(role) = Role::ALL.into_iter().find(|role| !roles.contains_key(role)) {
            return Err(MatrixError::MissingRole(role));
        }
        Ok(Self {
            rows,
            roles,
            fields: segments(written.fields),
            events: written.events,
            event_fields: segments(written.event_fields),
        })
    }

    /// The fields of a household's events that belong to a group of their own, as paths in the body; `*` is one index.
    pub(crate) fn event_paths(&self) -> impl Iterator<Item = &[String]> {
        self.event_fields.iter().map(|(path, _)| path.as_slice())
    }

    /// The rows by name, with their French labels.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &str, &Row)> {
        self.rows.iter().map(|(name, (label, row))| (name.as_str(), label.as_str(), row))
    }

    /// The row of this name.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.get(name).map(|(_, row)| row)
    }

    /// What a role may do.
    #[must_use]
    pub fn role(&self, role: Role) -> Option<&RoleRights> {
        self.roles.get(&role)
    }

    /// What a role calls households. Of whom the file says nothing, no id is told.
    #[must_use]
    pub fn calls(&self, role: Role) -> Calls {
        self.role(role).map_or(Calls::Reference, |role| role.households)
    }

    /// Whether some role may do this: an action that nobody may do is a mistake in the file.
    #[must_use]
    pub fn knows(&self, action: Action) -> bool {
        let code = action.code();
        self.roles.values().any(|role| role.actions.contains(&code))
    }
}
