//! XML as a tree of elements, bounded: names without their prefix, texts, and attributes.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// The deepest nesting that is read.
const DEPTH_MAX: usize = 32;
/// The most elements that are read.
const ELEMENTS_MAX: usize = 2_000_000;

/// Why a file cannot be read as a request of the social-housing register.
#[derive(Debug, thiserror::Error)]
pub enum BadXml {
    /// Not well-formed.
    #[error("ce XML est mal formé à l'octet {at} ({why})")]
    Malformed {
        /// Where.
        at: u64,
        /// What the reader says.
        why: String,
    },
    /// Larger or deeper than any request is.
    #[error("ce XML a plus de {bound} {unit}")]
    TooLarge {
        /// The bound.
        bound: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// Something else.
    #[error("ce fichier n'est pas une interfaceNuu de version 02.00 ou 02.01 : sa racine est {root}")]
    NotSne {
        /// The name and version of its root.
        root: String,
    },
}

/// One element.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Its name without prefix.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
    /// Where it stands in the document, from the first byte of its beginning to behind the last of its end.
    pub(super) span: std::ops::Range<usize>,
}

impl Element {
    /// Reads a document: its root.
    pub(super) fn parse(text: &str) -> Result<Self, BadXml> {
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        let mut elements = 0;
        loop {
            let begins = place(reader.buffer_position());
            let event = reader.read_event();
            let at = reader.buffer_position();
            let malformed = |why: String| BadXml::Malformed { at, why };
            match event.map_err(|error| malformed(error.to_string()))? {
                Event::Start(start) => {
                    open.push(Self::of(&start, begins..place(at)).map_err(malformed)?);
                    elements += 1;
                }
                Event::Empty(start) => {
                    let element = Self::of(&start, begins..place(at)).map_err(malformed)?;
                    if let Some(parent) = open.last_mut() {
                        parent.children.push(element);
                    }
                    elements += 1;
                }
                Event::End(_) => {
                    if let (Some(mut done), Some(parent)) = (open.pop(), open.last_mut()) {
                        done.span.end = place(at);
                        parent.children.push(done);
                    }
                }
                Event::Text(text) => append(&mut open, &text.xml10_content()),
                Event::CData(text) => append(&mut open, &text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let letter =
                        character(&reference).ok_or_else(|| malformed("entité inconnue".to_owned()))?;
                    append(&mut open, letter.encode_utf8(&mut [0; 4]));
                }
                Event::Eof => break,
                // Nothing that a document type declares is read: an entity of its own is an unknown entity.
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
            if open.len() > DEPTH_MAX {
                return Err(BadXml::TooLarge { bound: DEPTH_MAX, unit: "niveaux" });
            }
            if elements > ELEMENTS_MAX {
                return Err(BadXml::TooLarge { bound: ELEMENTS_MAX, unit: "éléments" });
            }
        }
        let at = reader.buffer_position();
        let whole = |element: Self| element.children.into_iter().next();
        match (open.pop(), open.is_empty()) {
            (Some(document), true) => {
                whole(document).ok_or_else(|| BadXml::Malformed { at, why: "aucun élément".to_owned() })
            }
            (_, _) => Err(BadXml::Malformed { at, why: "un élément ne finit pas".to_owned() }),
        }
    }

    fn of(start: &BytesStart<'_>, span: std::ops::Range<usize>) -> Result<Self, String> {
        let name = start.local_name().as_ref().to_owned();
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value =
                attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
            attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
        }
        Ok(Self { name, attributes, span, ..Self::default() })
    }

    /// An attribute, if it says something.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let (_, value) = self.attributes.iter().find(|(key, _)| key == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// Every element at `path`, names separated by `/`.
    pub(super) fn all<'e>(&'e self, path: &str) -> Vec<&'e Self> {
        path.split('/').fold(vec![self], |found, name| {
            found
                .into_iter()
                .flat_map(|element| element.children.iter().filter(|child| child.name == name))
                .collect()
        })
    }

    /// The first element at `path`.
    pub(super) fn first(&self, path: &str) -> Option<&Self> {
        self.all(path).into_iter().next()
    }

    /// The text of the first element at `path`, if it has some.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.first(path)?.own_text()
    }

    /// Its own text, if it has some.
    pub(super) fn own_text(&self) -> Option<&str> {
        Some(self.text.trim()).filter(|text| !text.is_empty())
    }

    /// The `code` of the first element at `path`.
    pub(super) fn code(&self, path: &str) -> Option<&str> {
        self.first(path)?.attribute("code")
    }
}

fn place(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// What a reference stands for: a character by its number, or one of the five that XML names.
fn character(reference: &quick_xml::events::BytesRef<'_>) -> Option<char> {
    if let Ok(Some(letter)) = reference.resolve_char_ref() {
        return Some(letter);
    }
    match reference.xml10_content().as_ref() {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_found_by_its_path_whatever_its_prefix() {
        let text = "<a xmlns:n='u'><n:b code='1'>x &amp; <![CDATA[<y>]]> &#233;</n:b><n:b/></a>";
        let root = Element::parse(text).unwrap();
        assert_eq!((root.text("b"), root.code("b"), root.all("b").len()), (Some("x & <y> é"), Some("1"), 2));
        assert_eq!(root.text("b/c"), None);
        let stands = |element: &Element| text[element.span.clone()].to_owned();
        assert_eq!(stands(&root), text);
        let inner: Vec<String> = root.all("b").into_iter().map(stands).collect();
        assert_eq!(inner, ["<n:b code='1'>x &amp; <![CDATA[<y>]]> &#233;</n:b>", "<n:b/>"]);
    }

    #[test]
    fn what_is_not_a_document_is_refused() {
        for text in ["", "no", "<a>", "<a></b>", "<a>&unknown;</a>"] {
            assert!(matches!(Element::parse(text), Err(BadXml::Malformed { .. })), "{text}");
        }
        let bomb = "<!DOCTYPE a [<!ENTITY b 'b'>]><a>&b;</a>";
        assert!(Element::parse(bomb).is_err(), "entities of a document are not read");
        let deep = "<a>".repeat(100) + &"</a>".repeat(100);
        assert!(matches!(Element::parse(&deep), Err(BadXml::TooLarge { .. })));
    }
}
