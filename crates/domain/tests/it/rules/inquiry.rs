//! Who could take such a household: asked and answered without a name.

use domain::calendar::Instant;
use domain::decide::inquiry::{AnswerInquiry, CloseInquiry, OpenInquiry};
use domain::id::{InquiryId, OrganisationId, PlaceId};
use domain::inquiry::{Answer, Asked, InquiryOutcome, InquirySituation, Sought};
use domain::ledger::{AggregateId, State};
use domain::organisation::OrganisationKind;
use domain::reference::ProviderRefusalReason;
use domain::rights::{InquirySeen, Role, inquiry_seen};
use domain::structure_kind::StructureKind::SocialResidence;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::rights::decision::{caller, elsewhere};
use crate::scenario::{World, day, gironde, instant, organisation};

/// A couple and two children, with a wheelchair, before Friday.
fn sought() -> Sought {
    let written = json!({
        "adults": 2, "children": 2, "couple": true, "wheelchair": true, "communes": ["33063"], "by": "2026-03-06"
    });
    serde_json::from_value(written).unwrap()
}

fn open(sought: Sought, until: &str) -> OpenInquiry {
    OpenInquiry { territory: gironde(), sought, until: Instant(instant(until)) }
}

fn available(places: u8, place: Option<PlaceId>) -> AnswerInquiry {
    AnswerInquiry { answer: Answer::Available { places, from: day("2026-03-05"), place } }
}

fn unavailable() -> AnswerInquiry {
    AnswerInquiry { answer: Answer::Unavailable { reason: Some(ProviderRefusalReason::other()) } }
}

fn is(w: &World, id: InquiryId) -> &Asked {
    match w.ledgers.get(&AggregateId::Inquiry(id)) {
        Some(State::Inquiry(is)) => is.asked().unwrap(),
        _ => panic!("no inquiry"),
    }
}

/// The question of the SIAO, open until Wednesday noon.
fn asked(w: &mut World) -> InquiryId {
    let id = InquiryId::created_by(gironde(), w.upcoming());
    assert_eq!(w.does(id, open(sought(), "2026-03-04T12:00")), ["inquiry.opened"]);
    id
}

#[test]
fn a_question_is_answered_by_each_who_has_places_until_who_asked_closes_it() {
    let mut w = World::at("2026-03-02T10:00");
    let id = asked(&mut w);
    let (one, other) = (elsewhere(), OrganisationId::new(gironde(), Uuid::from_u128(7)));
    w.acting = Some(one);
    assert_eq!(w.does(id, unavailable()), ["inquiry.answered"]);
    assert!(w.does(id, unavailable()).is_empty(), "that is its answer already");
    assert_eq!(w.does(id, available(1, None)), ["inquiry.answered"], "a place became free");
    w.acting = Some(other);
    w.does(id, unavailable());
    let answers: Vec<_> = is(&w, id).answers.iter().map(|(by, given)| (*by, given.answer.clone())).collect();
    assert_eq!(answers.len(), 2);
    assert!(
        answers.contains(&(one, available(1, None).answer))
            && answers.contains(&(other, unavailable().answer))
    );
    let close = CloseInquiry { outcome: InquiryOutcome::Met };
    assert_eq!(w.refuses(id, close.clone()).code, "inquiry-owner");
    w.acting = None;
    assert_eq!(w.does(id, close.clone()), ["inquiry.closed"]);
    assert!(w.does(id, close).is_empty());
    w.acting = Some(one);
    assert_eq!(w.refuses(id, available(2, None)).code, "inquiry-over");
    assert!(w.does(id, available(1, None)).is_empty(), "asked again, it changes nothing");
}

#[test]
fn a_place_that_an_answer_names_is_the_answerers() {
    let mut w = World::at("2026-03-02T10:00");
    let (own, id) = (w.place(SocialResidence, 4), asked(&mut w));
    let provider = w.place_of(own).description().unwrap().provider;
    w.acting = Some(provider);
    assert_eq!(w.refuses(id, available(0, None)).code, "inquiry-places");
    w.does(id, available(1, Some(own)));
    w.acting = Some(elsewhere());
    assert_eq!(w.refuses(id, available(1, Some(own))).code, "unknown-id");
    let none = PlaceId::new(gironde(), Uuid::from_u128(9));
    assert_eq!(w.refuses(id, available(1, Some(none))).code, "unknown-id");
}

#[test]
fn a_question_that_nobody_closes_ends_by_itself_and_is_answered_no_more() {
    let mut w = World::at("2026-03-02T10:00");
    let id = asked(&mut w);
    w.outage_until("2026-03-04T12:01");
    w.acting = Some(elsewhere());
    assert_eq!(w.refuses(id, available(1, None)).code, "inquiry-over", "before the clock comes, too");
    w.until("2026-03-04T13:00");
    let at = instant("2026-03-04T12:00");
    assert_eq!(is(&w, id).situation, InquirySituation::Expired { at });
    assert_eq!(w.refuses(id, available(1, None)).code, "inquiry-over");
    w.acting = None;
    assert!(w.does(id, CloseInquiry { outcome: InquiryOutcome::NoLongerNeeded }).is_empty());
    assert_eq!(w.log.iter().filter(|one| one.ledger == AggregateId::Inquiry(id)).count(), 2, "once");
}

#[test]
fn a_question_that_cannot_be_answered_is_refused_with_what_to_change() {
    let mut w = World::at("2026-03-02T10:00");
    let with = |change: fn(&mut Sought)| {
        let mut sought = sought();
        change(&mut sought);
        sought
    };
    let later = "2026-03-04T12:00";
    for (command, code) in [
        (open(with(|is| is.adults = 0), later), "inquiry-persons"),
        (open(with(|is| is.children = 29), later), "inquiry-persons"),
        (open(with(|is| is.adults = 1), later), "inquiry-couple"),
        (open(with(|is| is.communes = ["59350".parse().unwrap()].into()), later), "inquiry-elsewhere"),
        (open(sought(), "2026-03-02T10:00"), "inquiry-until"),
        (open(sought(), "2026-04-03T10:00"), "inquiry-until"),
    ] {
        let id = InquiryId::created_by(gironde(), w.upcoming());
        assert_eq!(w.refuses(id, command).code, code);
    }
    let most = InquiryId::created_by(gironde(), w.upcoming());
    w.does(most, open(with(|is| is.children = 28), "2026-04-02T09:00"));
    let nobody = InquiryId::new(gironde(), Uuid::from_u128(9));
    assert_eq!(w.refuses(nobody, unavailable()).code, "unknown-id");
}

/// The texts of a schema that are neither of a closed list nor of a form that holds no words.
fn free(of: &Value, at: &str, found: &mut Vec<String>) {
    let bounded = ["enum", "const", "pattern", "format"].iter().any(|bound| of.get(bound).is_some());
    if of["type"] == "string" && !bounded {
        found.push(at.to_owned());
    }
    match of {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| free(field, &format!("{at}/{name}"), found))
        }
        Value::Array(items) => items.iter().for_each(|item| free(item, at, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Nothing in a question or an answer can say who it is for.
#[test]
fn a_question_has_no_word_of_ones_own_in_it() {
    let (mut found, mut seen) = (Vec::new(), String::new());
    for schema in [schemars::schema_for!(OpenInquiry), schemars::schema_for!(AnswerInquiry)] {
        free(schema.as_value(), "", &mut found);
        seen += &schema.as_value().to_string();
    }
    assert_eq!(found, [""; 0]);
    assert!(seen.contains("\"string\"") && !seen.contains("HouseholdId") && !seen.contains("PersonId"));
}

#[test]
fn who_asked_reads_all_answers_and_who_is_asked_their_own() {
    let mut w = World::at("2026-03-02T10:00");
    let id = asked(&mut w);
    let is = is(&w, id);
    let seen = |who: &domain::rights::Caller| inquiry_seen(who, gironde(), is);
    assert_eq!(seen(&caller(Role::SiaoManager, organisation())), Some(InquirySeen::Whole));
    for role in [Role::ProviderManager, Role::ProviderWorker, Role::LandlordOfficer] {
        let here = caller(role, elsewhere());
        assert_eq!(seen(&here), Some(InquirySeen::OwnAnswer), "{role}");
        let far = domain::rights::Caller { territories: ["974".parse().unwrap()].into(), ..here };
        assert_eq!(seen(&far), None, "{role} of another département");
    }
    let other = domain::rights::Caller {
        kind: OrganisationKind::SiaoOperator,
        ..caller(Role::SiaoManager, elsewhere())
    };
    assert_eq!(seen(&other), None, "another SIAO");
    for role in
        [Role::Referrer, Role::PrefectureOfficer, Role::Auditor, Role::SystemAdmin, Role::ObserverNational]
    {
        assert_eq!(seen(&caller(role, elsewhere())), None, "{role}");
    }
}
