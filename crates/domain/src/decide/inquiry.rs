//! Questions about capacity: who could take such a household, asked and answered without a name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::{Context, Draft};
use crate::calendar::Instant;
use crate::id::{InquiryId, Territory};
use crate::inquiry::{
    Answer, Asked, Inquiry, InquiryAnswered, InquiryClosed, InquiryExpired, InquiryOpened, InquiryOutcome,
    InquirySituation, Sought,
};
use crate::ledger::{Halt, Ledgers};
use crate::refusal::Refusal;

/// The most persons asked for at once: more are several households.
const PERSONS_MAX: u16 = 30;
/// The most values of one condition.
const VALUES_MAX: usize = 200;
/// How long a question may be open, in days: what is answered later is about another situation.
const DAYS_MAX: i64 = 31;

/// The question, if it was asked.
fn asked(ledgers: &Ledgers, id: InquiryId) -> Result<&Asked, Halt> {
    ledgers.inquiry(id)?.asked().ok_or_else(|| Refusal::unknown("Question").into())
}

fn invalid(code: &'static str, sentence: impl Into<String>) -> Halt {
    Refusal::invalid(code, "inquiry", sentence).into()
}

/// Asks those who have places in a département who could take such a household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenInquiry {
    /// The département that is asked.
    pub territory: Territory,
    /// Who is to be housed and where, without saying who it is.
    pub sought: Sought,
    /// Until when it may be answered.
    pub until: Instant,
}

impl Decide<InquiryId> for OpenInquiry {
    const CREATES: bool = true;

    fn decide(
        &self,
        id: InquiryId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        match ledgers.inquiry(id)? {
            Inquiry::Unknown => {}
            // The same command, asked again.
            Inquiry::Asked(_) => return Ok(()),
        }
        let sought = &self.sought;
        let persons = u16::from(sought.adults) + u16::from(sought.children);
        if sought.adults == 0 || persons > PERSONS_MAX {
            let sentence =
                format!("Une question porte sur 1 adulte au moins et {PERSONS_MAX} personnes au plus.");
            return Err(invalid("inquiry-persons", sentence));
        }
        if sought.couple && sought.adults < 2 {
            return Err(invalid(
                "inquiry-couple",
                "Un couple compte deux adultes : corrigez le nombre d'adultes.",
            ));
        }
        if sought.communes.len().max(sought.kinds.len()) > VALUES_MAX {
            return Err(invalid(
                "inquiry-too-long",
                format!("Une condition compte {VALUES_MAX} valeurs au plus."),
            ));
        }
        if let Some(other) = sought.communes.iter().find(|commune| commune.territory() != self.territory) {
            let sentence = format!(
                "La commune {other} n'est pas du département {} : interrogez-le à part.",
                self.territory
            );
            return Err(invalid("inquiry-elsewhere", sentence));
        }
        let open_for = self.until.0.duration_since(ctx.at);
        if !open_for.is_positive() || open_for.as_hours() > 24 * DAYS_MAX {
            let sentence =
                format!("Une question se pose jusqu'à une date à venir, dans {DAYS_MAX} jours au plus.");
            return Err(invalid("inquiry-until", sentence));
        }
        let (sought, until) = (sought.clone(), self.until);
        draft.inquiry(id, ctx.at, InquiryOpened { owner: ctx.organisation, sought, until });
        Ok(())
    }
}

/// Answers for one's organisation, in the place of what it answered before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerInquiry {
    /// What it answers.
    pub answer: Answer,
}

impl Decide<InquiryId> for AnswerInquiry {
    fn decide(
        &self,
        id: InquiryId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = asked(ledgers, id)?;
        if is.answers.get(&ctx.organisation).is_some_and(|answered| answered.answer == self.answer) {
            return Ok(());
        }
        // The clock may come a moment later.
        if !is.is_open() || ctx.at > is.until {
            let sentence =
                "Cette question n'attend plus de réponse : son auteur l'a close ou son délai est passé.";
            return Err(Refusal::conflict("inquiry-over", "inquiry", sentence).into());
        }
        match &self.answer {
            Answer::Available { places: 0, .. } => {
                let sentence = "Une réponse positive porte sur une place au moins : sinon, répondez que vous n'en avez pas.";
                return Err(invalid("inquiry-places", sentence));
            }
            Answer::Available { place: Some(place), .. } => {
                let own = super::place(ledgers, *place)?
                    .description()
                    .is_some_and(|is| is.provider == ctx.organisation);
                if !own {
                    // Somebody else's does not exist.
                    return Err(Refusal::unknown("Place").into());
                }
            }
            Answer::Available { place: None, .. } | Answer::Unavailable { .. } => {}
        }
        draft.inquiry(id, ctx.at, InquiryAnswered { by: ctx.organisation, answer: self.answer.clone() });
        Ok(())
    }
}

/// Ends a question of one's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseInquiry {
    /// Why.
    pub outcome: InquiryOutcome,
}

impl Decide<InquiryId> for CloseInquiry {
    fn decide(
        &self,
        id: InquiryId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = asked(ledgers, id)?;
        if is.owner != ctx.organisation {
            let sentence = "Seul l'organisme qui a posé la question peut la clore.";
            return Err(Refusal::conflict("inquiry-owner", "inquiry", sentence).into());
        }
        match is.situation {
            InquirySituation::Open => draft.inquiry(id, ctx.at, InquiryClosed { outcome: self.outcome }),
            // It is over already.
            InquirySituation::Closed { .. } | InquirySituation::Expired { .. } => {}
        }
        Ok(())
    }
}

/// Its time is over.
pub(super) fn expire(
    id: InquiryId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    if let Some(is) = ledgers.inquiry(id)?.asked()
        && is.is_open()
        && ctx.at > is.until
    {
        draft.inquiry(id, is.until, InquiryExpired {});
    }
    Ok(())
}
