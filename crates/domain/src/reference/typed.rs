//! One type per closed list, so that a reason of one kind cannot be given where another is meant.

use super::{Entry, List};

/// Declares types over closed lists: `Doc, Type => "file" { codes that rules name }`.
///
/// Each type is one pointer, compared and ordered by code, written and read as its code alone. A code that rules
/// name becomes a function of the same name, so that the compiler knows it.
macro_rules! reference_list {
    ($($(#[$doc:meta])* $name:ident => $list:literal $({ $($known:ident),+ $(,)? })?),+ $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub struct $name(&'static $crate::reference::Entry);

            impl $name {
                /// The name of the list.
                pub const LIST: &'static str = $list;

                /// The list itself.
                #[must_use]
                pub fn list() -> &'static $crate::reference::List {
                    static READ: std::sync::LazyLock<$crate::reference::List> = std::sync::LazyLock::new(|| {
                        $crate::reference::typed::embedded(
                            $list,
                            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/reference/", $list, ".csv")),
                        )
                    });
                    &READ
                }

                /// Every entry, in the order in which choices are shown.
                pub fn all() -> impl Iterator<Item = Self> {
                    Self::list().entries().iter().map(Self)
                }

                /// The entries that may be chosen on `day`, in the order in which choices are shown.
                pub fn choices_on(day: jiff::civil::Date) -> impl Iterator<Item = Self> {
                    Self::all().filter(move |entry| entry.0.in_force_on(day))
                }

                /// The first entry that bears this SI-SIAO code.
                #[must_use]
                pub fn from_si_siao(code: &str) -> Option<Self> {
                    Self::list().with_si_siao(code).map(Self)
                }

                /// The first entry that bears this SNE code.
                #[must_use]
                pub fn from_sne(code: &str) -> Option<Self> {
                    Self::list().with_sne(code).map(Self)
                }

                /// The whole entry: notes, dates and further outside codes.
                #[must_use]
                pub fn entry(self) -> &'static $crate::reference::Entry {
                    self.0
                }

                /// The stable code.
                #[must_use]
                pub fn code(self) -> &'static str {
                    self.0.code()
                }

                /// The French label.
                #[must_use]
                pub fn label_fr(self) -> &'static str {
                    self.0.label_fr()
                }

                /// The English label.
                #[must_use]
                pub fn label_en(self) -> &'static str {
                    self.0.label_en()
                }

                /// The SI-SIAO code, where there is one.
                #[must_use]
                pub fn si_siao(self) -> Option<&'static str> {
                    self.0.si_siao()
                }

                /// The SNE code, where there is one.
                #[must_use]
                pub fn sne(self) -> Option<&'static str> {
                    self.0.sne()
                }

                /// The nearest HUD code, where there is one.
                #[must_use]
                pub fn hud(self) -> Option<&'static str> {
                    self.0.hud()
                }

                /// The class that rules and indicators use, empty where the list has none.
                #[must_use]
                pub fn class(self) -> &'static str {
                    self.0.class()
                }

                $($(
                    #[doc = concat!("The entry `", stringify!($known), "`, which rules name.")]
                    #[must_use]
                    pub fn $known() -> Self {
                        Self($crate::reference::typed::named(Self::list(), stringify!($known)))
                    }
                )+)?
            }

            impl PartialEq for $name {
                fn eq(&self, other: &Self) -> bool {
                    self.code() == other.code()
                }
            }

            impl Eq for $name {}

            impl PartialOrd for $name {
                fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                    Some(self.cmp(other))
                }
            }

            impl Ord for $name {
                fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                    self.code().cmp(other.code())
                }
            }

            impl std::hash::Hash for $name {
                fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                    self.code().hash(state);
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(self.code())
                }
            }

            impl std::fmt::Debug for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(self.code())
                }
            }

            impl std::str::FromStr for $name {
                type Err = $crate::reference::UnknownCode;

                fn from_str(code: &str) -> Result<Self, Self::Err> {
                    Self::list().find(code).map(Self)
                }
            }

            impl serde::Serialize for $name {
                fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                    s.serialize_str(self.code())
                }
            }

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                    let code: std::borrow::Cow<'de, str> = serde::Deserialize::deserialize(d)?;
                    code.parse().map_err(serde::de::Error::custom)
                }
            }

            impl schemars::JsonSchema for $name {
                fn schema_name() -> std::borrow::Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                    $crate::reference::typed::schema_of(Self::list())
                }
            }
        )+

        /// Every closed list, by the order of this module.
        pub fn lists() -> impl Iterator<Item = &'static $crate::reference::List> {
            let all: &'static [fn() -> &'static $crate::reference::List] = &[$($name::list),+];
            all.iter().map(|list| list())
        }

        /// The codes that rules name, as (list, code): a test looks each of them up.
        #[cfg(test)]
        pub(crate) const NAMED: &[(&str, &str)] = &[$($($(($list, stringify!($known)),)+)?)+];
    };
}
pub(crate) use reference_list;

/// Reads a list that is part of the program.
#[expect(clippy::expect_used, reason = "the text is compiled in, and a test reads every list")]
pub(crate) fn embedded(name: &'static str, text: &'static str) -> List {
    List::parse(name, text).expect("a list that was tested")
}

/// The entry of a code that rules name.
#[expect(clippy::expect_used, reason = "a test looks up every code that rules name")]
pub(crate) fn named(list: &'static List, code: &str) -> &'static Entry {
    list.get(code).expect("a code that was tested")
}

/// The schema of a code: the codes as an enumeration, with what each means in the description.
pub(crate) fn schema_of(list: &'static List) -> schemars::Schema {
    let codes: Vec<&str> = list.entries().iter().map(Entry::code).collect();
    let mut description = format!("A code of the list `{}`:\n", list.name());
    for entry in list.entries() {
        description.push_str(&format!("\n- `{}`: {} ({})", entry.code(), entry.label_en(), entry.label_fr()));
    }
    schemars::json_schema!({ "type": "string", "enum": codes, "description": description })
}
