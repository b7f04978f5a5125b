//! The catalogue of commands: name, ledger, service, body. The API, the command line and the tests read it here.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use super::{
    Context, Draft, account, allocation, application, clock, consent, correction, custody, erasure, family,
    follow_up, inquiry, inventory, lease, occupants, organisation, person_request,
};
use super::{protection, referral, registration, request, stay, subscription, user, vacancy};
use crate::id::{
    HouseholdId, InquiryId, OrganisationId, PlaceId, StructureId, SubscriptionId, Territory, UserId,
};
use crate::ledger::{Halt, Ledgers};

/// Which service takes a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// The SIAO's desk.
    Intake,
    /// Insertion housing.
    Insertion,
    /// Social landlords.
    Landlord,
    /// Supervision: organisations and those who sign in.
    Supervision,
    /// Feed: subscriptions and questions about capacity.
    Feed,
}

impl Service {
    /// The name of the service: `intake`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Insertion => "insertion",
            Self::Landlord => "landlord",
            Self::Supervision => "supervision",
            Self::Feed => "feed",
        }
    }
}

/// One command of the catalogue, for those who publish it.
pub struct CommandKind {
    /// Its name in URLs: `propose-referral`.
    pub name: &'static str,
    /// The word of the ledger it addresses: `household`, `place`, `structure`, `organisation`, `user`, `subscription`,
    /// `inquiry`.
    pub ledger: &'static str,
    /// The services that take its body as it is; none where the surface makes it from something that must not be
    /// recorded, such as a password.
    pub services: &'static [Service],
    /// Whether it creates the ledger it addresses.
    pub creates: bool,
    /// What it does, in one French sentence.
    pub summary: &'static str,
    /// The JSON Schema of its body.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

macro_rules! commands {
    ($(#[$doc:meta])* pub enum $name:ident on $id:ty, $ledger:literal {
        $($command:literal $services:expr, $summary:literal => $variant:ident($body:ty)),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name {
            $(#[doc = $summary] $variant($body)),+
        }

        impl $name {
            /// The commands of this ledger.
            pub const KINDS: &'static [CommandKind] = &[$(CommandKind {
                name: $command,
                ledger: $ledger,
                services: $services,
                creates: <$body>::CREATES,
                summary: $summary,
                schema: SchemaGenerator::subschema_for::<$body>,
            }),+];

            /// The name in URLs.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $command),+ }
            }

            /// Reads the body of the command of this name; `None` if there is no such command.
            #[must_use]
            pub fn read(name: &str, body: Value) -> Option<Result<Self, serde_json::Error>> {
                match name {
                    $($command => Some(serde_json::from_value(body).map(Self::$variant)),)+
                    _ => None,
                }
            }

            /// Its body, as [`Self::read`] reads it.
            ///
            /// # Errors
            /// Never: a body is plain data.
            pub fn body(&self) -> serde_json::Result<Value> {
                match self { $(Self::$variant(body) => serde_json::to_value(body)),+ }
            }

            /// Shows each command of this ledger, with the type of its body, to `visitor`.
            pub fn visit(visitor: &mut impl Visitor<Self>) {
                let mut kinds = Self::KINDS.iter();
                $(if let Some(kind) = kinds.next() {
                    visitor.visit::<$body>(kind);
                })+
            }

            fn rule(&self, id: $id, ctx: &Context<'_>, ledgers: &Ledgers, draft: &mut Draft) -> Result<(), Halt> {
                match self { $(Self::$variant(body) => body.decide(id, ctx, ledgers, draft)),+ }
            }
        }

        $(impl From<$body> for $name {
            fn from(body: $body) -> Self { Self::$variant(body) }
        })+
    };
}

/// Something that is shown every command of a ledger, with the type of its body: a router, a documentation.
pub trait Visitor<C> {
    /// One command. Bodies come in the order of `KINDS`.
    fn visit<B>(&mut self, kind: &'static CommandKind)
    where
        B: serde::Serialize + serde::de::DeserializeOwned + Into<C> + Send + Sync + 'static;
}

/// What every command of a ledger is: a body with a decision.
pub(crate) trait Decide<Id> {
    /// Whether the command creates the ledger it addresses.
    const CREATES: bool = false;

    /// Rules on the command.
    fn decide(&self, id: Id, ctx: &Context<'_>, ledgers: &Ledgers, draft: &mut Draft) -> Result<(), Halt>;
}

use Service::{Feed, Insertion, Intake, Landlord, Supervision};

commands! {
    /// What can be asked of a household's ledger.
    pub enum HouseholdCommand on HouseholdId, "household" {
        "register" &[Intake], "Enregistrer un ménage." => Register(registration::Register),
        "add-member" &[Intake], "Ajouter une personne : naissance, regroupement, retour." => AddMember(registration::AddMember),
        "remove-member" &[Intake], "Noter le départ d'une personne." => RemoveMember(registration::RemoveMember),
        "correct-identity" &[Intake], "Corriger l'identité ou les coordonnées d'une personne." => CorrectIdentity(registration::CorrectIdentity),
        "declare-pregnancy" &[Intake], "Déclarer une grossesse." => DeclarePregnancy(registration::DeclarePregnancy),
        "note-safety" &[Intake], "Noter un périmètre de sécurité." => NoteSafety(registration::NoteSafety),
        "split" &[Intake], "Séparer un ménage en deux, ancienneté conservée." => Split(family::Split),
        "merge" &[Intake], "Réunir deux ménages, la plus ancienne ancienneté conservée." => Merge(family::Merge),
        "share-custody" &[Intake], "Compter aussi un enfant en garde alternée." => ShareCustody(custody::ShareCustody),
        "end-shared-custody" &[Intake], "Ne plus compter un enfant en garde alternée." => EndSharedCustody(custody::EndSharedCustody),
        "give-consent" &[Intake], "Recueillir un consentement." => GiveConsent(consent::GiveConsent),
        "withdraw-consent" &[Intake], "Retirer un consentement." => WithdrawConsent(consent::WithdrawConsent),
        "object" &[Intake], "Noter une opposition à un partage." => Object(consent::Object),
        "record-person-request" &[Intake], "Enregistrer la demande d'une personne sur ses données." => RecordPersonRequest(person_request::RecordPersonRequest),
        "extend-person-request" &[Intake], "Prolonger le délai de réponse à la demande d'une personne." => ExtendPersonRequest(person_request::ExtendPersonRequest),
        "answer-person-request" &[Intake], "Noter la réponse donnée à la demande d'une personne." => AnswerPersonRequest(person_request::AnswerPersonRequest),
        "assign-worker" &[Intake], "Confier le suivi à une personne." => AssignWorker(follow_up::AssignWorker),
        "end-follow-up" &[Intake], "Mettre fin au suivi par un organisme." => EndFollowUp(follow_up::EndFollowUp),
        "tell-follow-up" &[Intake], "Noter que le ménage sait qui le suit désormais." => TellFollowUp(follow_up::TellFollowUp),
        "protect" &[Intake], "Protéger le dossier : seules les personnes désignées le voient." => Protect(protection::Protect),
        "lift-protection" &[Intake], "Lever la protection du dossier." => LiftProtection(protection::LiftProtection),
        "open-in-emergency" &[Intake], "Ouvrir un dossier protégé en urgence, avec un motif." => OpenInEmergency(protection::OpenInEmergency),
        "review-emergency-opening" &[Intake], "Dire si une ouverture en urgence était justifiée." => ReviewEmergencyOpening(protection::ReviewEmergencyOpening),
        "place-legal-hold" &[Intake], "Conserver le dossier jusqu'à une date, avec un motif : il n'est pas effacé." => PlaceLegalHold(erasure::PlaceLegalHold),
        "lift-legal-hold" &[Intake], "Ne plus conserver le dossier pour ce motif." => LiftLegalHold(erasure::LiftLegalHold),
        "propose-erasure" &[Intake], "Proposer d'effacer un ménage : une autre personne confirme." => ProposeErasure(erasure::ProposeErasure),
        "withdraw-erasure" &[Intake], "Retirer la proposition d'effacement." => WithdrawErasure(erasure::WithdrawErasure),
        "confirm-erasure" &[Intake], "Confirmer l'effacement qu'une autre personne a proposé." => ConfirmErasure(erasure::ConfirmErasure),
        "certify-erasure" &[], "Attester que plus rien de ce qui fut scellé ne s'ouvre." => CertifyErasure(erasure::CertifyErasure),
        "correct-date" &[Intake], "Corriger la date d'un fait enregistré ; les deux dates restent." => CorrectDate(correction::CorrectDate),
        "void-stay" &[Intake], "Annuler une prise en charge enregistrée par erreur, avec un motif." => VoidStay(correction::VoidStay),
        "create-request" &[Intake], "Ouvrir une demande." => CreateRequest(request::CreateRequest),
        "submit-request" &[Intake], "Transmettre une demande au SIAO." => SubmitRequest(request::SubmitRequest),
        "update-request" &[Intake], "Mettre à jour une demande ou confirmer qu'elle l'est." => UpdateRequest(request::UpdateRequest),
        "return-request" &[Intake], "Retourner une demande à compléter." => ReturnRequest(request::ReturnRequest),
        "assess-request" &[Intake], "Joindre l'évaluation sociale." => AssessRequest(request::AssessRequest),
        "schedule-committee" &[Intake], "Inscrire une demande à la commission d'orientation." => ScheduleCommittee(request::ScheduleCommittee),
        "qualify-request" &[Intake], "Valider l'orientation : inscrire sur liste d'attente." => QualifyRequest(request::QualifyRequest),
        "defer-request" &[Intake], "Ajourner une demande." => DeferRequest(request::DeferRequest),
        "reject-request" &[Intake], "Refuser une demande, avec un motif." => RejectRequest(request::RejectRequest),
        "cancel-request" &[Intake], "Annuler une demande." => CancelRequest(request::CancelRequest),
        "reactivate-request" &[Intake], "Réactiver une demande annulée, à sa première date." => ReactivateRequest(request::ReactivateRequest),
        "transfer-request" &[Intake], "Transférer une demande à un autre SIAO." => TransferRequest(request::TransferRequest),
        "propose-referral" &[Intake], "Proposer une place à un ménage : elle est retenue." => ProposeReferral(referral::ProposeReferral),
        "withdraw-referral" &[Intake], "Retirer une orientation." => WithdrawReferral(referral::WithdrawReferral),
        "refuse-referral" &[Intake], "Noter que le ménage refuse l'orientation." => RefuseReferral(referral::RefuseReferral),
        "judge-refusal" &[Intake], "Dire si le motif de refus du ménage est recevable." => JudgeRefusal(referral::JudgeRefusal),
        "view-referral" &[Insertion], "Ouvrir une orientation reçue." => ViewReferral(referral::ViewReferral),
        "accept-referral" &[Insertion], "Accepter une orientation ; les autres sont retirées." => AcceptReferral(referral::AcceptReferral),
        "decline-referral" &[Insertion], "Refuser une orientation, avec un motif." => DeclineReferral(referral::DeclineReferral),
        "record-no-show" &[Insertion], "Noter que le ménage ne s'est pas présenté." => RecordNoShow(referral::RecordNoShow),
        "start-stay" &[Insertion], "Admettre le ménage : la prise en charge commence." => StartStay(stay::StartStay),
        "admit-directly" &[Insertion], "Admettre en urgence, puis en informer le SIAO." => AdmitDirectly(stay::AdmitDirectly),
        "take-over-stay" &[Insertion], "Reprendre une prise en charge passée ou en cours." => TakeOverStay(stay::TakeOverStay),
        "join-stay" &[Insertion], "Faire entrer des personnes du ménage dans une prise en charge en cours." => JoinStay(occupants::JoinStay),
        "leave-stay" &[Insertion], "Noter que des personnes quittent une prise en charge qui continue pour les autres." => LeaveStay(occupants::LeaveStay),
        "review-stay" &[Insertion], "Faire le bilan de la prise en charge." => ReviewStay(stay::ReviewStay),
        "record-absence" &[Insertion], "Noter une absence prévue." => RecordAbsence(stay::RecordAbsence),
        "record-return" &[Insertion], "Noter le retour d'une absence." => RecordReturn(stay::RecordReturn),
        "request-extension" &[Insertion], "Demander une prolongation." => RequestExtension(stay::RequestExtension),
        "decide-extension" &[Insertion], "Décider d'une prolongation." => DecideExtension(stay::DecideExtension),
        "decide-admission" &[Insertion], "Décider de l'aide sociale demandée à l'admission." => DecideAdmission(stay::DecideAdmission),
        "give-notice" &[Insertion], "Enregistrer le préavis du résident." => GiveNotice(stay::GiveNotice),
        "notify-termination" &[Insertion], "Enregistrer la résiliation par le gestionnaire." => NotifyTermination(stay::NotifyTermination),
        "withdraw-notice" &[Insertion], "Retirer le préavis qui court." => WithdrawNotice(stay::WithdrawNotice),
        "end-stay" &[Insertion], "Mettre fin à la prise en charge." => EndStay(stay::EndStay),
        "return-deposit" &[Insertion], "Noter la restitution du dépôt de garantie." => ReturnDeposit(stay::ReturnDeposit),
        "register-application" &[Landlord], "Enregistrer une demande de logement social." => RegisterApplication(application::RegisterApplication),
        "number-application" &[Landlord], "Noter le numéro unique." => NumberApplication(application::NumberApplication),
        "renew-application" &[Landlord], "Renouveler la demande de logement social." => RenewApplication(application::RenewApplication),
        "warn-application" &[Landlord], "Avertir d'une radiation." => WarnApplication(application::WarnApplication),
        "lift-warning" &[Landlord], "Lever un avertissement de radiation." => LiftWarning(application::LiftWarning),
        "close-application" &[Landlord], "Radier la demande de logement social." => CloseApplication(application::CloseApplication),
        "grant-priority" &[Landlord], "Enregistrer une labellisation." => GrantPriority(application::GrantPriority),
        "withdraw-priority" &[Landlord], "Retirer une labellisation." => WithdrawPriority(application::WithdrawPriority),
        "accept-offer" &[Landlord], "Enregistrer l'acceptation du logement." => AcceptOffer(allocation::AcceptOffer),
        "refuse-offer" &[Landlord], "Enregistrer le refus du logement ; le rang suivant est servi." => RefuseOffer(allocation::RefuseOffer),
        "sign-lease" &[Landlord], "Signer le bail : la demande, le label et le séjour se terminent." => SignLease(lease::SignLease),
        "end-lease" &[Landlord], "Mettre fin au bail." => EndLease(lease::EndLease),
    }
}

commands! {
    /// What can be asked of a place's ledger.
    pub enum PlaceCommand on PlaceId, "place" {
        "open" &[Insertion, Landlord], "Créer une place." => OpenPlace(inventory::OpenPlace),
        "change" &[Insertion, Landlord], "Modifier une place." => ChangePlace(inventory::ChangePlace),
        "close" &[Insertion, Landlord], "Fermer une place." => ClosePlace(inventory::ClosePlace),
        "take-offline" &[Insertion, Landlord], "Rendre une place indisponible, avec un motif." => TakeOffline(inventory::TakeOffline),
        "bring-online" &[Insertion, Landlord], "Rendre une place de nouveau disponible." => BringOnline(inventory::BringOnline),
        "declare-vacancy" &[Insertion, Landlord], "Déclarer une place libre." => DeclareVacancy(vacancy::DeclareVacancy),
        "confirm-vacancy" &[Insertion, Landlord], "Confirmer qu'une place est toujours libre." => ConfirmVacancy(vacancy::ConfirmVacancy),
        "withdraw-vacancy" &[Insertion, Landlord], "Retirer une place déclarée libre." => WithdrawVacancy(vacancy::WithdrawVacancy),
        "assign-vacancy" &[Landlord], "Confier le logement à un réservataire." => AssignVacancy(allocation::AssignVacancy),
        "designate-candidates" &[Landlord], "Désigner des candidats." => DesignateCandidates(allocation::DesignateCandidates),
        "check-documents" &[Landlord], "Noter le contrôle des pièces d'un candidat." => CheckDocuments(allocation::CheckDocuments),
        "convene-committee" &[Landlord], "Inscrire le logement à la CALEOL." => ConveneCommittee(allocation::ConveneCommittee),
        "decide-committee" &[Landlord], "Enregistrer les décisions de la CALEOL." => DecideCommittee(allocation::DecideCommittee),
        "notify-offer" &[Landlord], "Noter quand le ménage a reçu la proposition, et ce qui le prouve : son délai de réponse court de ce jour." => NotifyOffer(allocation::NotifyOffer),
        "meet-condition" &[Landlord], "Noter que la pièce manquante est arrivée." => MeetCondition(allocation::MeetCondition),
    }
}

commands! {
    /// What can be asked of a structure's ledger.
    pub enum StructureCommand on StructureId, "structure" {
        "open" &[Insertion, Landlord], "Créer une structure." => OpenStructure(inventory::OpenStructure),
        "change" &[Insertion, Landlord], "Modifier une structure." => ChangeStructure(inventory::ChangeStructure),
        "close" &[Insertion, Landlord], "Fermer une structure." => CloseStructure(inventory::CloseStructure),
    }
}

commands! {
    /// What can be asked of an organisation's ledger.
    pub enum OrganisationCommand on OrganisationId, "organisation" {
        "register" &[Supervision], "Enregistrer un organisme." => Register(organisation::RegisterOrganisation),
        "change" &[Supervision], "Modifier un organisme." => Change(organisation::ChangeOrganisation),
        "close" &[Supervision], "Mettre fin à la participation d'un organisme." => Close(organisation::CloseOrganisation),
        "issue-token" &[], "Délivrer un jeton à un logiciel de l'organisme." => IssueToken(organisation::IssueToken),
        "revoke-token" &[Supervision], "Retirer un jeton : il n'ouvre plus rien." => RevokeToken(organisation::RevokeToken),
        "bind-account" &[Supervision], "Rattacher un compte du courtier à l'organisme." => BindAccount(account::BindAccount),
        "revoke-account" &[Supervision], "Retirer un compte du courtier : il n'ouvre plus rien." => RevokeAccount(account::RevokeAccount),
        "notice-bulk-reading" &[], "Noter que beaucoup de dossiers ont été ouverts en peu de temps." => NoticeBulkReading(organisation::NoticeBulkReading),
    }
}

commands! {
    /// What can be asked of a user's ledger.
    pub enum UserCommand on UserId, "user" {
        "invite" &[], "Inviter une personne." => Invite(user::InviteUser),
        "renew-invitation" &[], "Inviter une personne de nouveau." => RenewInvitation(user::RenewInvitation),
        "grant-profile" &[Supervision], "Donner un profil de plus." => GrantProfile(user::GrantProfile),
        "withdraw-profile" &[Supervision], "Retirer un profil." => WithdrawProfile(user::WithdrawProfile),
        "enrol" &[], "Répondre à une invitation." => Enrol(user::Enrol),
        "link-identity" &[], "Répondre à une invitation avec un fournisseur d'identité." => LinkIdentity(user::LinkIdentity),
        "change-password" &[], "Changer de mot de passe : les sessions se ferment." => ChangePassword(user::ChangePassword),
        "disable" &[Supervision], "Désactiver un compte : ses sessions se ferment." => Disable(user::DisableUser),
        "enable" &[], "Réactiver un compte." => Enable(user::EnableUser),
        "sign-in" &[], "Ouvrir une session." => SignIn(user::SignIn),
        "switch-profile" &[], "Agir sous un autre profil." => SwitchProfile(user::SwitchProfile),
        "sign-out" &[Supervision], "Fermer une session." => SignOut(user::SignOut),
    }
}

commands! {
    /// What can be asked of a subscription's ledger.
    pub enum SubscriptionCommand on SubscriptionId, "subscription" {
        "open" &[Feed], "Ouvrir un abonnement à ce qui est disponible." => Open(subscription::OpenSubscription),
        "change" &[Feed], "Modifier un abonnement." => Change(subscription::ChangeSubscription),
        "pause" &[Feed], "Mettre un abonnement en pause : rien n'est perdu." => Pause(subscription::PauseSubscription),
        "resume" &[Feed], "Reprendre un abonnement, avec ce qui manque ou ce qui est encore ouvert." => Resume(subscription::ResumeSubscription),
        "deliver" &[Feed], "Indiquer où envoyer ce que devient ce qui est disponible pour un abonnement." => Deliver(subscription::DeliverSubscription),
        "resume-delivery" &[Feed], "Reprendre un envoi qui s'était arrêté, là où il s'était arrêté." => ResumeDelivery(subscription::ResumeDelivery),
        "replay" &[Feed], "Renvoyer ce qui a été envoyé entre deux positions." => Replay(subscription::ReplayDelivery),
        "acknowledge" &[Feed], "Confirmer ce qui a été reçu, jusqu'à une position." => Acknowledge(subscription::AcknowledgeSubscription),
        "end-delivery" &[Feed], "Ne plus rien envoyer pour un abonnement." => EndDelivery(subscription::EndDelivery),
        "rotate-secret" &[Feed], "Changer la clé qui signe les envois ; l'ancienne signe encore pendant 24 heures." => RotateSecret(subscription::RotateSecret),
        "close" &[Feed], "Mettre fin à un abonnement." => Close(subscription::CloseSubscription),
    }
}

commands! {
    /// What can be asked of an inquiry's ledger.
    pub enum InquiryCommand on InquiryId, "inquiry" {
        "open" &[Feed], "Demander qui pourrait accueillir un tel ménage, sans le nommer." => Open(inquiry::OpenInquiry),
        "answer" &[Feed], "Répondre à une question de capacité." => Answer(inquiry::AnswerInquiry),
        "close" &[Feed], "Clore une question de capacité." => Close(inquiry::CloseInquiry),
    }
}

/// Every command that can be asked, in the order of the pathway.
pub fn catalogue() -> impl Iterator<Item = &'static CommandKind> {
    HouseholdCommand::KINDS
        .iter()
        .chain(PlaceCommand::KINDS)
        .chain(StructureCommand::KINDS)
        .chain(OrganisationCommand::KINDS)
        .chain(UserCommand::KINDS)
        .chain(SubscriptionCommand::KINDS)
        .chain(InquiryCommand::KINDS)
}

/// A command with the ledger it addresses.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// To a household.
    Household(HouseholdId, HouseholdCommand),
    /// To a place.
    Place(PlaceId, PlaceCommand),
    /// To a structure.
    Structure(StructureId, StructureCommand),
    /// To an organisation.
    Organisation(OrganisationId, OrganisationCommand),
    /// To a user.
    User(UserId, UserCommand),
    /// To a subscription.
    Subscription(SubscriptionId, SubscriptionCommand),
    /// To an inquiry.
    Inquiry(InquiryId, InquiryCommand),
    /// What the clock does when a deadline is due.
    Elapse(clock::Deadline),
}

impl Command {
    /// The ledger that the command addresses.
    #[must_use]
    pub fn ledger(&self) -> crate::ledger::AggregateId {
        use crate::ledger::AggregateId;
        match self {
            Self::Household(id, _) => AggregateId::Household(*id),
            Self::Place(id, _) => AggregateId::Place(*id),
            Self::Structure(id, _) => AggregateId::Structure(*id),
            Self::Organisation(id, _) => AggregateId::Organisation(*id),
            Self::User(id, _) => AggregateId::User(*id),
            Self::Subscription(id, _) => AggregateId::Subscription(*id),
            Self::Inquiry(id, _) => AggregateId::Inquiry(*id),
            Self::Elapse(deadline) => deadline.ledger,
        }
    }

    /// The name of the command: `propose-referral`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Household(_, command) => command.name(),
            Self::Place(_, command) => command.name(),
            Self::Structure(_, command) => command.name(),
            Self::Organisation(_, command) => command.name(),
            Self::User(_, command) => command.name(),
            Self::Subscription(_, command) => command.name(),
            Self::Inquiry(_, command) => command.name(),
            Self::Elapse(deadline) => deadline.kind.id(),
        }
    }

    /// Where the command's ledger is at home.
    #[must_use]
    pub fn territory(&self) -> Territory {
        self.ledger().territory()
    }

    pub(super) fn rule(&self, ctx: &Context<'_>, ledgers: &Ledgers, draft: &mut Draft) -> Result<(), Halt> {
        match self {
            Self::Household(id, command) => command.rule(*id, ctx, ledgers, draft),
            Self::Place(id, command) => command.rule(*id, ctx, ledgers, draft),
            Self::Structure(id, command) => command.rule(*id, ctx, ledgers, draft),
            Self::Organisation(id, command) => command.rule(*id, ctx, ledgers, draft),
            Self::User(id, command) => command.rule(*id, ctx, ledgers, draft),
            Self::Subscription(id, command) => command.rule(*id, ctx, ledgers, draft),
            Self::Inquiry(id, command) => command.rule(*id, ctx, ledgers, draft),
            Self::Elapse(deadline) => deadline.elapse(ctx, ledgers, draft),
        }
    }
}
