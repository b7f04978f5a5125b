//! Shortcuts to the situations that stories start from.

use std::collections::BTreeSet;

use domain::calendar::Day;
use domain::calendar::Instant;
use domain::decide::allocation::{
    CandidateDecision, ConveneCommittee, DecideCommittee, DesignateCandidates, Designated,
};
use domain::decide::application::{GrantPriority, RegisterApplication};
use domain::decide::inventory::{OpenPlace, OpenStructure};
use domain::decide::organisation::RegisterOrganisation;
use domain::decide::referral::{AcceptReferral, ProposeReferral};
use domain::decide::request::{CreateRequest, QualifyRequest, SubmitRequest};
use domain::decide::stay::{AdmitDirectly, EndStay, StartStay};
use domain::decide::user::InviteUser;
use domain::decide::vacancy::DeclareVacancy;
use domain::household::application::UniqueRegistrationNumber;
use domain::household::priority::LabelSource;
use domain::household::request::{
    NeedProfile, PriorityClass, Qualification, RequestFile, RequestStream, ResourceBracket,
};
use domain::id::{
    ApplicationId, CandidacyId, CommandId, HouseholdId, OrganisationId, PlaceId, ReferralId, RequestId,
    StayId, StructureId, UserId,
};
use domain::organisation::{Organisation, OrganisationKind};
use domain::place::committee::{CommitteeDecision, CommitteeException};
use domain::place::inventory::{Criteria, Description};
use domain::rights::Role;
use domain::structure::Profile as StructureProfile;
use domain::structure_kind::StructureKind;
use domain::user::{Agent, Profile};
use uuid::Uuid;

use super::{World, code, gironde, organisation};

/// A direct admission of everybody, now, without a planned end.
pub(crate) fn admit(place: PlaceId) -> AdmitDirectly {
    AdmitDirectly { place, at: None, persons: None, planned_end: None, leaving: None }
}

/// A request for anywhere in Gironde.
pub(crate) fn file(stream: RequestStream) -> RequestFile {
    RequestFile {
        stream,
        situation: code("on_the_street"),
        reason: code("other"),
        wishes: vec![code("departement:33")],
        need: NeedProfile { resources: Some(ResourceBracket::From600), ..NeedProfile::default() },
        recommended: BTreeSet::new(),
    }
}

/// A qualification of the third class.
pub(crate) fn qualification(kinds: &[StructureKind]) -> Qualification {
    Qualification {
        kinds: kinds.iter().copied().collect(),
        priority_class: PriorityClass::try_from(3).unwrap(),
        imminent_danger: false,
    }
}

/// A place of this kind in Bordeaux.
pub(crate) fn description(structure: StructureId, kind: StructureKind, capacity: u8) -> Description {
    Description {
        structure,
        kind,
        provider: organisation(),
        label: "A12".to_owned(),
        category: code("t2"),
        capacity,
        commune: code("33063"),
        criteria: Criteria::default(),
        rent: None,
        plai_adapte: false,
    }
}

/// The profile of a structure in Bordeaux.
pub(crate) fn profile(kind: StructureKind) -> StructureProfile {
    StructureProfile {
        name: "Les Chartrons".to_owned(),
        kind,
        provider: organisation(),
        commune: code("33063"),
        address: None,
        finess: None,
        reference: None,
    }
}

impl World {
    /// An organisation of this kind in Gironde, by its own id where it matters.
    pub(crate) fn organisation(&mut self, id: OrganisationId, kind: OrganisationKind) -> OrganisationId {
        let organisation =
            Organisation { name: "Organisme".to_owned(), kind, territories: [gironde()].into(), siret: None };
        self.does(id, RegisterOrganisation { territory: gironde(), id: None, organisation });
        id
    }

    /// Somebody invited to this role of an organisation.
    pub(crate) fn invited(&mut self, organisation: OrganisationId, role: Role) -> UserId {
        let id = UserId::created_by(gironde(), self.upcoming());
        let invite = InviteUser {
            login: format!("{:032x}", self.asked),
            agent: Agent { name: "Anne Agent".to_owned(), email: "anne@exemple.fr".to_owned() },
            profiles: vec![Profile { organisation, role }],
            emergency: false,
            invitation: "aa".to_owned(),
            until: Instant(self.now + jiff::SignedDuration::from_hours(72)),
        };
        self.does(id, invite);
        id
    }

    /// The id that the next command will have.
    pub(crate) fn upcoming(&self) -> CommandId {
        CommandId(Uuid::from_u64_pair(0x00c0_ffee, self.asked + 1))
    }

    /// Opens a structure of this kind.
    #[track_caller]
    pub(crate) fn structure(&mut self, kind: StructureKind) -> StructureId {
        let id = StructureId::created_by(gironde(), self.upcoming());
        self.does(id, OpenStructure { profile: profile(kind), at: None });
        id
    }

    /// Opens a place for `capacity` persons in a structure of its own.
    #[track_caller]
    pub(crate) fn place(&mut self, kind: StructureKind, capacity: u8) -> PlaceId {
        self.place_for(kind, capacity, |_| ())
    }

    /// Opens a place whose description `say` completes.
    #[track_caller]
    pub(crate) fn place_for(
        &mut self,
        kind: StructureKind,
        capacity: u8,
        say: impl FnOnce(&mut Description),
    ) -> PlaceId {
        let structure = self.structure(kind);
        let mut description = description(structure, kind, capacity);
        say(&mut description);
        let id = PlaceId::created_by(gironde(), self.upcoming());
        self.does(id, OpenPlace { description, from: None });
        id
    }

    /// Opens a place and declares it free for the usual time.
    #[track_caller]
    pub(crate) fn vacancy(&mut self, kind: StructureKind, capacity: u8) -> PlaceId {
        let place = self.place(kind, capacity);
        self.does(place, DeclareVacancy { available_from: None, good_until: None });
        place
    }

    /// Creates and submits a request to the volet insertion.
    #[track_caller]
    pub(crate) fn request(&mut self, household: HouseholdId) -> RequestId {
        let create = CreateRequest { siao: None, file: file(RequestStream::Insertion), note: None, at: None };
        self.does(household, create);
        let request = RequestId::created_by(self.last);
        self.does(household, SubmitRequest { request, at: None });
        request
    }

    /// A request on the waiting list for these kinds.
    #[track_caller]
    pub(crate) fn qualified(&mut self, household: HouseholdId, kinds: &[StructureKind]) -> RequestId {
        let request = self.request(household);
        self.does(household, QualifyRequest { request, qualification: qualification(kinds) });
        request
    }

    /// A proposal of the place.
    pub(crate) fn proposal(request: RequestId, place: PlaceId) -> ProposeReferral {
        ProposeReferral { request, place, persons: None, deviation: None, note: None }
    }

    /// Proposes the household for the place.
    #[track_caller]
    pub(crate) fn referred(
        &mut self,
        household: HouseholdId,
        request: RequestId,
        place: PlaceId,
    ) -> ReferralId {
        self.does(household, Self::proposal(request, place));
        ReferralId::created_by(self.last)
    }

    /// The command by which everybody moves in on the referral.
    pub(crate) fn moving_in(referral: ReferralId) -> StartStay {
        StartStay { referral, at: None, persons: None, planned_end: None, leaving: None }
    }

    /// The household is qualified for, referred to, accepted in and admitted to the place.
    #[track_caller]
    pub(crate) fn staying(&mut self, household: HouseholdId, place: PlaceId) -> StayId {
        let kind = self.place_of(place).description().unwrap().kind;
        let request = self.qualified(household, &[kind]);
        let referral = self.referred(household, request, place);
        self.does(household, AcceptReferral { referral, arrival: None });
        let planned_end = kind.fixed_term().then(|| Day(domain::calendar::months_after(self.today(), 12)));
        self.does(household, StartStay { planned_end, ..Self::moving_in(referral) });
        StayId::created_by(self.last)
    }

    /// The household is admitted to the place in an emergency.
    #[track_caller]
    pub(crate) fn staying_directly(&mut self, household: HouseholdId, place: PlaceId) -> StayId {
        let planned_end = Some(Day(domain::calendar::months_after(self.today(), 6)));
        self.does(household, AdmitDirectly { place, at: None, persons: None, planned_end, leaving: None });
        StayId::created_by(self.last)
    }

    /// The stay ends now.
    #[track_caller]
    pub(crate) fn ends(&mut self, household: HouseholdId, stay: StayId) {
        let (destination, reason) = (code("with_third_party"), code("goal_reached"));
        self.does(household, EndStay { stay, at: None, destination, reason, deposit_to_return: false });
    }

    /// A numéro unique given today; `n` makes it differ from others.
    pub(crate) fn number(&self, n: u32) -> UniqueRegistrationNumber {
        let today = self.today();
        code(&format!("033{:02}{:02}{n:06}AB123", today.month(), today.year().rem_euclid(100)))
    }

    /// Registers a social-housing application with its number.
    #[track_caller]
    pub(crate) fn applies(&mut self, household: HouseholdId) -> ApplicationId {
        let number = self.number(u32::try_from(self.asked).unwrap());
        let register =
            RegisterApplication { filed_on: None, number: Some(number), renewed_on: None, communes: vec![] };
        self.does(household, register);
        ApplicationId::created_by(self.last)
    }

    /// The mediation board recognises the household today.
    #[track_caller]
    pub(crate) fn dalo(&mut self, household: HouseholdId) {
        let source = LabelSource::MediationBoard;
        self.does(
            household,
            GrantPriority { ground: code("dalo"), source, decided_on: None, document: None },
        );
    }

    /// A dwelling on offer, and as many applicants as asked for, designated on it.
    #[track_caller]
    pub(crate) fn designated(&mut self, candidates: usize) -> (PlaceId, Vec<(HouseholdId, CandidacyId)>) {
        let dwelling = self.vacancy(StructureKind::SocialDwelling, 4);
        let households: Vec<_> = (0..candidates)
            .map(|_| {
                let household = self.household("woman 40, son 9");
                self.applies(household);
                household
            })
            .collect();
        (dwelling, self.designates(dwelling, &households))
    }

    /// Designates these households on the dwelling.
    #[track_caller]
    pub(crate) fn designates(
        &mut self,
        dwelling: PlaceId,
        households: &[HouseholdId],
    ) -> Vec<(HouseholdId, CandidacyId)> {
        let candidates = households.iter().map(|id| Designated { household: *id, dalo: false }).collect();
        self.does(dwelling, DesignateCandidates { candidates });
        let command = self.last;
        let candidacy = |(n, id): (usize, &HouseholdId)| (*id, CandidacyId::nth_created_by(command, n));
        households.iter().enumerate().map(candidacy).collect()
    }

    /// Convenes the committee for today.
    #[track_caller]
    pub(crate) fn convened(&mut self, dwelling: PlaceId) {
        let on = Day(self.today());
        self.does(dwelling, ConveneCommittee { on });
    }

    /// What the committee decides, candidacy by candidacy.
    pub(crate) fn decisions(
        decisions: impl IntoIterator<Item = (CandidacyId, CommitteeDecision)>,
        exception: Option<CommitteeException>,
    ) -> DecideCommittee {
        let decisions = decisions
            .into_iter()
            .map(|(candidacy, decision)| CandidateDecision { candidacy, decision })
            .collect();
        DecideCommittee { decisions, exception }
    }

    /// Convenes the committee, which ranks the candidates in this order.
    #[track_caller]
    pub(crate) fn ranked(&mut self, dwelling: PlaceId, candidates: &[(HouseholdId, CandidacyId)]) {
        self.convened(dwelling);
        let ranks =
            candidates.iter().zip(1..).map(|((_, id), rank)| (*id, CommitteeDecision::AwardRanked { rank }));
        self.does(dwelling, Self::decisions(ranks, None));
    }
}
