//! The readable form: one page of HTML that stands alone, to be read on a screen or printed.

use domain::calendar::time_zone;
use domain::id::HouseholdId;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::words::Language;

/// How it looks: no script, no font, no image from anywhere.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#161616}\
h2{margin-top:2.5rem;border-bottom:2px solid #000091}p.why{color:#3a3a3a}dl{display:grid;grid-template-columns:minmax(10rem,1fr) 2fr;\
gap:.25rem 1rem}dt{font-weight:600}dd{margin:0}ul.items{list-style:none;padding:0}ul.items>li{border:1px solid #ddd;padding:.75rem;margin:.5rem 0}\
table{border-collapse:collapse;width:100%}caption{text-align:left}th,td{border:1px solid #ddd;padding:.4rem;text-align:left;vertical-align:top}\
thead{display:table-header-group}tr,li{break-inside:avoid}@media print{body{margin:0;max-width:none;font-size:11pt}}";

/// A section over parts of the file.
struct Section {
    title: [&'static str; 2],
    why: [&'static str; 2],
    parts: &'static [&'static str],
}

const SECTIONS: [Section; 8] = [
    Section {
        title: ["Identité et coordonnées", "Identity and contacts"],
        why: [
            "Qui vous êtes et comment vous joindre. Les personnes mineures de votre ménage figurent aussi ; les autres adultes demandent leur propre copie.",
            "Who you are and how to reach you. The minors of your household are here too; other adults ask for a copy of their own.",
        ],
        parts: &["identity"],
    },
    Section {
        title: ["Composition du ménage", "Composition of the household"],
        why: [
            "Qui fait partie du ménage : cela détermine la taille du logement et les règles d'accueil.",
            "Who belongs to the household: it decides the size of the housing and the rules of admission.",
        ],
        parts: &["registration", "composition", "gone", "reachable", "safety"],
    },
    Section {
        title: ["Besoins et souhaits", "Needs and wishes"],
        why: [
            "Ce que vous avez demandé et ce que recommande votre travailleur social. Aucune donnée de santé n'est recueillie.",
            "What you asked for and what your social worker recommends. No data on health are collected.",
        ],
        parts: &["needs"],
    },
    Section {
        title: ["Demandes et orientations", "Requests and referrals"],
        why: [
            "Vos demandes au SIAO, leur ancienneté, et les places qui vous ont été proposées.",
            "Your requests to the SIAO, their seniority, and the places that were proposed to you.",
        ],
        parts: &["requests", "seniority_losses", "referrals"],
    },
    Section {
        title: ["Séjours", "Stays"],
        why: [
            "Où vous avez été accueilli, et de quand à quand.",
            "Where you were accommodated, from when until when.",
        ],
        parts: &["stays", "former_stays", "moved_presences"],
    },
    Section {
        title: ["Logement social", "Social housing"],
        why: [
            "Votre demande de logement social, les priorités reconnues, les candidatures et les baux.",
            "Your application for social housing, recognised priorities, candidacies and leases.",
        ],
        parts: &["applications", "former_applications", "labels", "candidacies", "leases"],
    },
    Section {
        title: ["Accords et oppositions", "Consents and objections"],
        why: [
            "Ce que vous avez accepté ou refusé, envers qui. Vous pouvez retirer un accord à tout moment : l'accès s'arrête aussitôt.",
            "What you agreed to or refused, towards whom. You can take a consent back at any time: access stops at once.",
        ],
        parts: &["consents"],
    },
    Section {
        title: [
            "Qui vous suit, et vos demandes sur vos données",
            "Who follows you, and your requests on your data",
        ],
        why: [
            "Les organismes qui vous suivent, et les demandes que vous avez faites : une réponse vous est due dans le mois.",
            "The organisations that follow you, and the requests that you made: an answer is due within a month.",
        ],
        parts: &["followers", "untold", "protected", "openings", "person_requests"],
    },
];

/// What the page is written with.
pub(super) struct Page {
    language: Language,
    household: HouseholdId,
}

impl Page {
    pub(super) fn new(language: Language, household: HouseholdId) -> Self {
        Self { language, household }
    }

    /// Everything up to the list of facts, which is left open.
    pub(super) fn beginning(&self, head: &Value) -> String {
        let say = |french, english| self.language.of(french, english);
        let title = say("Ce que nous savons de vous", "What we know about you");
        let mut page = format!(
            "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>{title}</title><style>{STYLE}</style></head>\n<body><main><h1>{title}</h1>\n",
            self.language.of("fr", "en")
        );
        let made = &head["made_by"];
        let name =
            made["organisation_name"].as_str().or_else(|| made["organisation"].as_str()).unwrap_or_default();
        let role = self.text("role", made["role"].as_str().unwrap_or_default());
        let at = self.text("made_at", head["made_at"].as_str().unwrap_or_default());
        page.push_str(&format!(
            "<p>{} <strong>{}</strong> ({role}), {at}.</p>\n",
            say("Copie préparée par", "Copy made by"),
            escaped(name)
        ));
        page.push_str(&paragraph(say(
            "Cette copie répond à votre droit d'accès (règlement général sur la protection des données, article 15). Vous pouvez \
             demander une correction, vous opposer à un partage ou demander l'effacement auprès de votre référent ou du délégué à la \
             protection des données : une réponse vous est due dans le mois. Vous pouvez aussi saisir la CNIL (www.cnil.fr).",
            "This copy answers your right of access (General Data Protection Regulation, article 15). You can ask for a correction, \
             object to a sharing or ask for erasure, from your worker or the data-protection officer: an answer is due within a \
             month. You can also turn to the supervisory authority (CNIL, www.cnil.fr).",
        )));
        let withheld = head["withheld"].as_object().filter(|groups| !groups.is_empty());
        if let Some(groups) = withheld {
            let groups: Vec<_> = groups.keys().map(|group| self.text("group", group)).collect();
            let before = say(
                "L'organisme qui a préparé cette copie ne lit pas tout, ou pas en entier. Pour le reste, adressez-vous à votre référent. Cela concerne : ",
                "The organisation that made this copy does not read all, or not in full. For the rest turn to your worker. This concerns: ",
            );
            page.push_str(&format!("<p>{}{}.</p>\n", escaped(before), groups.join(", ")));
        }
        if head["third_persons"] == true {
            page.push_str(&paragraph(say(
                "Un autre adulte fait ou a fait partie de votre ménage. Ce qui le concerne, les motifs codés et ce qui pourrait mettre \
                 quelqu'un en danger ne figurent dans aucune copie de ce genre ; votre référent peut vous dire ce qui vous concerne.",
                "Another adult belongs or belonged to your household. What is theirs, coded reasons and what could put somebody in \
                 danger stand in no copy of this kind; your worker can tell you what concerns you.",
            )));
        }
        let file = arranged(&head["file"]);
        for section in &SECTIONS {
            self.section(&mut page, section, &file);
        }
        page.push_str(&self.table(
            say("Tout ce qui a été enregistré", "Everything that was recorded"),
            say(
                "Chaque fait, dans l'ordre où il a été enregistré : rien n'est jamais effacé en silence.",
                "Each fact, in the order in which it was recorded: nothing is ever removed silently.",
            ),
            [
                say("Vrai le", "True on"),
                say("Enregistré le", "Recorded on"),
                say("Ce qui s'est passé", "What happened"),
                say("Par", "By"),
            ],
        ));
        page
    }

    /// A fact, as a row.
    pub(super) fn event(&self, event: &Value) -> String {
        let text = |name: &str| event[name].as_str().unwrap_or_default();
        let details = self.value("", &event["data"]);
        let what = escaped(&self.language.kind(text("type")));
        let by = event["organisation_name"].as_str().unwrap_or_else(|| text("org"));
        format!(
            "<tr><td>{}</td><td>{}</td><td><strong>{what}</strong>{details}</td><td>{}</td></tr>\n",
            self.text("at", text("effectivetime")),
            self.text("at", text("time")),
            escaped(by)
        )
    }

    /// The end of the facts and the beginning of the readings.
    pub(super) fn between(&self) -> String {
        let say = |french, english| self.language.of(french, english);
        "</tbody></table>\n".to_owned()
            + &self.table(
                say("Qui a lu quoi, et quand", "Who read what, and when"),
                say(
                    "Chaque lecture de votre dossier identifié, et chaque tentative refusée, sur douze mois. L'organisme et la fonction vous sont communiqués.",
                    "Each reading of your identified file and each attempt that was refused, over twelve months. You are told the organisation and the function.",
                ),
                [say("Le", "On"), say("Organisme", "Organisation"), say("Quoi", "What"), say("Pour quoi", "What for")],
            )
    }

    /// A reading, as a row.
    pub(super) fn reading(&self, reading: &Value) -> String {
        let text = |name: &str| reading[name].as_str().unwrap_or_default();
        let by = reading["organisation_name"].as_str().unwrap_or_else(|| text("organisation"));
        let refused = if text("outcome") == "refused" {
            format!(" <strong>({})</strong>", self.language.of("refusé", "refused"))
        } else {
            String::new()
        };
        let groups = reading["fields"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let groups: Vec<_> = groups.map(|group| self.text("group", group)).collect();
        format!(
            "<tr><td>{}</td><td>{} ({})</td><td>{}{refused}<br>{}</td><td>{}</td></tr>\n",
            self.text("at", text("at")),
            escaped(by),
            self.text("role", text("role")),
            escaped(&self.language.action(text("action"))),
            groups.join(", "),
            self.text("purpose", text("purpose"))
        )
    }

    /// The end of the page, by which it is known to be whole.
    pub(super) fn end(&self) -> String {
        let whole =
            self.language.of("Fin du document : il est complet.", "End of the document: it is complete.");
        format!("</tbody></table>\n{}</main></body></html>\n", paragraph(whole))
    }

    fn section(&self, page: &mut String, section: &Section, file: &Map<String, Value>) {
        let [french, english] = section.title;
        page.push_str(&format!("<section><h2>{}</h2>\n", escaped(self.language.of(french, english))));
        let [french, english] = section.why;
        page.push_str(&format!("<p class=\"why\">{}</p>\n", escaped(self.language.of(french, english))));
        let parts = section.parts.iter().filter_map(|part| Some((*part, file.get(*part)?)));
        let parts: Vec<_> = parts.filter(|(_, value)| says_something(value)).collect();
        if parts.is_empty() {
            page.push_str(&paragraph(
                self.language.of("Rien n'est enregistré ici.", "Nothing is recorded here."),
            ));
        }
        for (part, value) in parts {
            if section.parts.len() > 1 {
                page.push_str(&format!("<h3>{}</h3>\n", escaped(&self.language.field(part))));
            }
            page.push_str(&self.value(part, value));
        }
        page.push_str("</section>\n");
    }

    /// The beginning of a table of four columns.
    fn table(&self, title: &str, why: &str, columns: [&str; 4]) -> String {
        let columns: String =
            columns.iter().map(|name| format!("<th scope=\"col\">{}</th>", escaped(name))).collect();
        format!(
            "<h2>{}</h2>\n<p class=\"why\">{}</p>\n<table><thead><tr>{columns}</tr></thead><tbody>\n",
            escaped(title),
            escaped(why)
        )
    }

    /// Any value, with the words for what it is.
    fn value(&self, name: &str, value: &Value) -> String {
        match value {
            Value::Null => "—".to_owned(),
            Value::Bool(true) => self.language.of("oui", "yes").to_owned(),
            Value::Bool(false) => self.language.of("non", "no").to_owned(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => self.text(name, text),
            Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
                items.iter().map(|item| self.value(name, item)).collect::<Vec<_>>().join(", ")
            }
            Value::Array(items) => self.items(name, items.iter()),
            Value::Object(fields) if fields.keys().any(|key| Uuid::try_parse(key).is_ok()) => {
                self.items(name, fields.values())
            }
            Value::Object(fields) => {
                let shown = fields.iter().filter(|(_, value)| says_something(value));
                let lines = shown.map(|(name, value)| {
                    let label = escaped(&self.language.field(name));
                    format!("<dt>{label}</dt><dd>{}</dd>", self.value(name, value))
                });
                format!("<dl>{}</dl>\n", lines.collect::<String>())
            }
        }
    }

    fn items<'a>(&self, name: &str, items: impl Iterator<Item = &'a Value>) -> String {
        let items: String = items.map(|item| format!("<li>{}</li>\n", self.value(name, item))).collect();
        format!("<ul class=\"items\">{items}</ul>\n")
    }

    /// A text: a day, an instant by the clocks of the household's home, a code in words, or as it is.
    fn text(&self, name: &str, text: &str) -> String {
        if let Ok(at) = text.parse::<Timestamp>() {
            let there = time_zone(self.household.territory()).to_datetime(at);
            return there.strftime(self.language.of("%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M")).to_string();
        }
        if let Ok(day) = text.parse::<Date>() {
            return day.strftime(self.language.of("%d/%m/%Y", "%Y-%m-%d")).to_string();
        }
        // Names and addresses are no codes, whatever they look like.
        let free =
            ["last_name", "first_names", "birth_name", "address", "note", "email", "phone"].contains(&name);
        match self.language.code(text).filter(|_| !free) {
            Some(words) => escaped(&words),
            None => escaped(text),
        }
    }
}

/// The parts of the file as the sections want them: who people are apart from what they are to the household, what is
/// needed apart from where a request stands.
fn arranged(file: &Value) -> Map<String, Value> {
    let mut parts = file.as_object().cloned().unwrap_or_default();
    let take = |parts: &mut Map<String, Value>, part: &str, inner: Option<&str>, name: &str| {
        let of = parts.get_mut(part).and_then(|part| match inner {
            Some(inner) => part.get_mut(inner),
            None => Some(part),
        });
        let items = of.and_then(Value::as_object_mut).into_iter().flatten();
        let taken = items.filter_map(|(id, item)| Some((id.clone(), item.as_object_mut()?.remove(name)?)));
        Value::Object(taken.collect())
    };
    let identity = take(&mut parts, "composition", Some("members"), "identity");
    let needs = take(&mut parts, "requests", None, "file");
    parts.insert("identity".to_owned(), identity);
    parts.insert("needs".to_owned(), needs);
    parts
}

/// Whether there is anything to show.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escaped(text))
}

/// The text where HTML may stand around it.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(language: Language) -> Page {
        Page::new(language, "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse().unwrap())
    }

    #[test]
    fn what_people_wrote_is_text_and_never_markup() {
        let head = json!({
            "made_by": { "organisation_name": "<b>SIAO</b>", "role": "siao_manager" }, "made_at": "2026-03-02T09:00:00Z",
            "file": { "composition": { "members": {
                "0192f1c2-7d5e-7c3a-9b1f-000000000001": { "identity": { "last_name": "<script>alert('x')</script>" } }
            } } }
        });
        let page = page(Language::Fr);
        let whole = page.beginning(&head)
            + &page.event(&json!({ "type": "household.registered", "data": { "note": "\"><img src=x>" } }))
            + &page.between()
            + &page.reading(&json!({ "organisation": "<i>", "fields": ["<u>"] }))
            + &page.end();
        for markup in ["<script", "<b>", "<img", "<i>", "<u>"] {
            assert!(!whole.contains(markup), "{markup} in {whole}");
        }
        assert!(whole.contains("&lt;script&gt;") && !whole.contains("http://") && !whole.contains("<link"));
    }

    #[test]
    fn codes_days_and_instants_are_said_in_words_and_names_are_left_alone() {
        let french = page(Language::Fr);
        assert_eq!(french.text("reason", "domestic_violence"), "Violences familiales ou conjugales");
        assert_eq!(french.text("at", "2026-03-14T23:00:00Z"), "15/03/2026 00:00");
        assert_eq!(french.text("due", "2026-04-30"), "30/04/2026");
        assert_eq!(french.text("last_name", "other"), "other");
        assert_eq!(page(Language::En).text("due", "2026-04-30"), "2026-04-30");
        assert_eq!(page(Language::En).value("sex", &json!("female")), "woman");
    }
}
