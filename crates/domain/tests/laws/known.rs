//! Faults that are known and being mended: until then a law looks away in these cases only.

/// `dalo: true` is taken at its word at designation, without a label.
pub(crate) const DALO_DESIGNATIONS_ARE_CHECKED: bool = false;

/// A reset bounds the request it hit, not another one of the same list.
pub(crate) const A_RESET_BOUNDS_OTHER_REQUESTS: bool = false;

/// Events that count twice if a fold is handed them twice in a row. The journal's readers skip what they have applied,
/// so none is, but the folds alone do not hold INV-16.
pub(crate) const COUNTED_TWICE: &[&str] = &["household.member_added", "place.occupied", "request.submitted"];

/// Things that a command asked again makes a second time, once the journal no longer remembers the first.
pub(crate) const MADE_AGAIN: &[&str] = &[
    "candidacy.designated",
    "committee.convened",
    "consent.given",
    "household.member_added",
    "housing_application.registered",
    "place.taken_offline",
    "priority.granted",
    "referral.proposed",
    "request.created",
    "stay.started",
    "vacancy.declared",
];

/// An application whose warning is over counts as registered until the clock has written its radiation down.
pub(crate) const A_WARNING_STRIKES_OFF_WITHOUT_THE_CLOCK: bool = false;
