//! Identifiers in keys.

use domain::id::{
    ApplicationId, CandidacyId, CommandId, CommitteeId, ConsentId, EventId, HouseholdId, InquiryId, LabelId,
    LeaseId, OfflineSpellId, OrganisationId, PersonId, PlaceId, ReferralId, RequestId, SessionId, StayId,
    StructureId, SubscriptionId, Territory, TokenId, UserId, VacancyId,
};
use domain::ledger::AggregateId;
use uuid::Uuid;

use super::{Part, ReadPart, take};

/// Three bytes: the code, filled up with zeros.
impl Part for Territory {
    fn write(&self, key: &mut Vec<u8>) {
        let mut code = [0; 3];
        let text = self.as_str().as_bytes();
        code[..text.len()].copy_from_slice(text);
        key.extend_from_slice(&code);
    }
}

impl ReadPart for Territory {
    fn read(key: &mut &[u8]) -> Option<Self> {
        let code: [u8; 3] = take(key)?;
        let len = code.iter().position(|byte| *byte == 0).unwrap_or(code.len());
        std::str::from_utf8(&code[..len]).ok()?.parse().ok()
    }
}

macro_rules! homed {
    ($($id:ty),+) => {$(
        impl Part for $id {
            fn write(&self, key: &mut Vec<u8>) {
                (self.territory(), self.uuid()).write(key);
            }
        }

        impl ReadPart for $id {
            fn read(key: &mut &[u8]) -> Option<Self> {
                <(Territory, Uuid)>::read(key).map(|(home, number)| Self::new(home, number))
            }
        }
    )+};
}

homed!(HouseholdId, PlaceId, StructureId, OrganisationId, UserId, SubscriptionId, InquiryId);

macro_rules! plain {
    ($($id:ty),+) => {$(
        impl Part for $id {
            fn write(&self, key: &mut Vec<u8>) {
                self.0.write(key);
            }
        }

        impl ReadPart for $id {
            fn read(key: &mut &[u8]) -> Option<Self> {
                Uuid::read(key).map(Self)
            }
        }
    )+};
}

plain!(
    ApplicationId,
    CandidacyId,
    CommandId,
    CommitteeId,
    ConsentId,
    EventId,
    LabelId,
    LeaseId,
    OfflineSpellId,
    PersonId,
    ReferralId,
    RequestId,
    SessionId,
    StayId,
    TokenId,
    VacancyId
);

/// A letter for the kind of ledger, then the id: all ledgers of one kind and territory lie together.
impl Part for AggregateId {
    fn write(&self, key: &mut Vec<u8>) {
        key.push(match self {
            Self::Household(_) => b'h',
            Self::Place(_) => b'p',
            Self::Structure(_) => b's',
            Self::Organisation(_) => b'o',
            Self::User(_) => b'u',
            Self::Subscription(_) => b'a',
            Self::Inquiry(_) => b'q',
        });
        (self.territory(), self.uuid()).write(key);
    }
}

impl ReadPart for AggregateId {
    fn read(key: &mut &[u8]) -> Option<Self> {
        match take(key)? {
            [b'h'] => HouseholdId::read(key).map(Self::Household),
            [b'p'] => PlaceId::read(key).map(Self::Place),
            [b's'] => StructureId::read(key).map(Self::Structure),
            [b'o'] => OrganisationId::read(key).map(Self::Organisation),
            [b'u'] => UserId::read(key).map(Self::User),
            [b'a'] => SubscriptionId::read(key).map(Self::Subscription),
            [b'q'] => InquiryId::read(key).map(Self::Inquiry),
            [_] => None,
        }
    }
}
