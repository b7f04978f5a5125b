//! Closed lists and territories: what the words in events may be, with labels and the codes of other systems.
//!
//! The lists are data (`config/reference/*.csv`), compiled in and read once; each has a type of its own here.
//!
//! **Invariant.** A code never changes its meaning and never disappears: recorded facts name it. A code that is no
//! longer to be chosen gets a last day.
//!
//! **Invariant.** Rules never match on a label, and on a code only through the functions named after it.

mod area;
mod class;
mod list;
pub mod territory;
mod typed;

#[cfg(test)]
mod tests;

pub use area::Area;
pub use class::{CeilingFamily, ExitClass, Regularity};
pub use list::{BadList, Entry, List, Nearest, UnknownCode};
pub use territory::{Commune, CommuneCode, EpciCode};

/// The list of this name: `exit_destination`.
#[must_use]
pub fn list(name: &str) -> Option<&'static List> {
    lists().find(|list| list.name() == name)
}

typed::reference_list! {
    /// Why a provider declines a referral (CASF R345-4 wants a reason; the codes are ours).
    ProviderRefusalReason => "provider_refusal_reason" { no_place, place_unavailable, no_show, unreachable, other },
    /// Why a household declines a referral. Whether that reason is receivable is for the SIAO to say.
    HouseholdRefusalReason => "household_refusal_reason" { no_answer, withdrew, already_housed, other },
    /// Why a household declines a social dwelling.
    OfferRefusalReason => "offer_refusal_reason" { no_answer_10_days, incomplete_documents, other },
    /// Why the SIAO withdraws a referral that it proposed.
    WithdrawalReason => "withdrawal_reason" {
        placed_elsewhere, place_withdrawn, request_closed, household_moved, composition_changed, protection, error, other,
    },
    /// Where a household goes at the end of a stay (SI-SIAO codes 1 to 52).
    ExitDestination => "exit_destination" { planned_absence, not_stated, deceased, social_rental },
    /// The labels of the classes of exit; what the classes mean to rules is in [`ExitClass`].
    ExitClassLabel => "exit_class",
    /// Why a stay ends, beside where the household goes.
    ExitReason => "exit_reason" { solution_found, deceased, recorded_in_error, other },
    /// Where the household lives when it asks (SI-SIAO codes 20 to 57).
    ResidentialSituation => "residential_situation" { on_the_street, other },
    /// Why the household asks (SI-SIAO codes 201 to 225).
    RequestReason => "request_reason" { other },
    /// Why a request is cancelled.
    CancellationReason => "cancellation_reason" {
        solution_found, admitted_elsewhere, no_contact, not_updated, household_changed, deceased, other,
    },
    /// Why the SIAO puts a decision off.
    DeferralReason => "deferral_reason" { other },
    /// Why the SIAO refuses a request.
    RequestRejectionReason => "request_rejection_reason" { other },
    /// What the referrer is asked to complete.
    AssessmentReturnReason => "assessment_return_reason" { other },
    /// Why somebody else was proposed than the rank says.
    DeviationReason => "deviation_reason" { other },
    /// Why a place cannot be used for a time.
    OfflineReason => "offline_reason" { other },
    /// Why a declared vacancy is taken back.
    VacancyWithdrawalReason => "vacancy_withdrawal_reason" { error, other },
    /// Why a recorded fact is corrected.
    CorrectionReason => "correction_reason" { duplicate, other },
    /// Why a file is opened beside one that looks like it.
    DuplicateReviewReason => "duplicate_review_reason" { other_person, imported },
    /// What a person is to the main applicant.
    MemberLink => "member_link" { main_applicant, spouse_or_partner, child, parent, sibling, other_relative, other },
    /// Why a person joins a household.
    MemberArrivalReason => "member_arrival_reason" { birth, household_merged, other },
    /// Why a person leaves a household.
    MemberDepartureReason => "member_departure_reason" { separation, death, household_split, other },
    /// The kind of household (SI-SIAO *compositions*).
    HouseholdTypology => "household_typology" {
        single_man, single_woman, couple, woman_with_children, man_with_children, group_with_children,
        group_of_adults, lone_minor, group_of_minors, couple_with_children, minor_in_family,
    },
    /// The right of residence; rules use its regularity alone.
    RightOfResidence => "right_of_residence" { not_stated },
    /// What a place is, physically (SI-SIAO *categoriePlaces*); the class is bed, room, dwelling or modular.
    PlaceCategory => "place_category",
    /// What a place is for (SI-SIAO *typePlaces*).
    PlaceType => "place_type",
    /// The SI-SIAO group of establishments.
    EstablishmentGroup => "establishment_group",
    /// The ground of a priority label (CCH L441-1, DALO, DAHO).
    PriorityGround => "priority_ground" { dalo, daho },
    /// What a consent is given for.
    ConsentPurpose => "consent_purpose" {
        share_with_providers, share_with_landlords, share_with_other_siao, share_with_support_services, hand_over_note, contact_by_phone, contact_by_text_message,
        contact_by_mail,
    },
    /// Why a request of a person on their data is not granted, or not all of it (GDPR).
    PersonRequestRefusalGround => "person_request_refusal_ground",
    /// Why the answer to a request of a person takes longer (GDPR art. 12(3)).
    PersonRequestExtensionReason => "person_request_extension_reason",
    /// Why a committee does not award (CCH L441-2-2: in writing).
    NonAwardReason => "non_award_reason" { dwelling_withdrawn, other },
    /// Why a committee may examine fewer than three candidacies (CCH R441-3).
    CommitteeException => "committee_exception" { insufficient_candidates, dalo_designation, plai_adapte },
    /// Why a social-housing application leaves the register (CCH R441-2-8; the class is the letter, a to f).
    DeregistrationReason => "deregistration_reason" {
        lease_signed, renounced, no_answer, inadmissible, not_renewed, merged,
    },
    /// Who holds a right to designate candidates (CCH R441-5).
    ReservationHolderKind => "reservation_holder_kind" { state_priority, state_civil_servants, landlord },
    /// The line that financed a dwelling (`APiLos` codes).
    Financing => "financing" { plai_adapte },
    /// A measure of social support.
    SupportMeasure => "support_measure",
    /// An animal that comes along.
    Animal => "animal" { dog, cat, other },
    /// A kind of resource; `paid` ones are taken off.
    ResourceKind => "resource_kind",
    /// A document that a conditional award waits for (CCH R441-3 c, R441-2-4-1).
    ConditionalDocument => "conditional_document",
    /// The labels and outside codes of `structure_kind::StructureKind`, whose rules are in code.
    StructureKindLabel => "structure_kind",
}
