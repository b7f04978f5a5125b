//! Going on although another file looks like the one that is opened, for a reason that whoever imports gives once for all.

use domain::likeness::{DuplicateReviewed, REVIEWED};
use domain::reference::DuplicateReviewReason;

use super::plan::Outgoing;
use super::target::{Answer, Target, Unreachable};

/// The code of a refusal because another file looks alike.
pub(crate) const POSSIBLE_DUPLICATE: &str = "possible-duplicate";

/// Somebody who takes commands, asked again with a reason where another file looks alike.
pub(crate) struct Reviewing<T> {
    target: T,
    reason: Option<DuplicateReviewReason>,
}

impl<T> Reviewing<T> {
    /// `target`; without a `reason` its answers are left as they are.
    pub(crate) fn new(target: T, reason: Option<DuplicateReviewReason>) -> Self {
        Self { target, reason }
    }
}

impl<T: Target> Target for Reviewing<T> {
    async fn send(&self, request: &Outgoing) -> Result<Answer, Unreachable> {
        match (self.target.send(request).await?, self.reason) {
            (Answer::Problem(problem), Some(reason)) if problem.code == POSSIBLE_DUPLICATE => {
                self.target.send(&reviewed(request.clone(), reason)).await
            }
            (answer, _) => Ok(answer),
        }
    }
}

/// The same command, under the same key, with the reason why it goes on.
pub(crate) fn reviewed(mut request: Outgoing, reason: DuplicateReviewReason) -> Outgoing {
    if let Some(fields) = request.body.as_object_mut() {
        // A struct of a code and nothing else: serde_json cannot refuse it.
        let review = serde_json::to_value(DuplicateReviewed { reason, note: None }).unwrap_or_default();
        fields.insert(REVIEWED.to_owned(), review);
    }
    request
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::{Value, json};

    use super::*;
    use crate::import::Problem;

    /// Somebody for whom every household looks like another one.
    #[derive(Default)]
    struct Suspicious(Mutex<Vec<(String, Value)>>);

    impl Target for &Suspicious {
        async fn send(&self, request: &Outgoing) -> Result<Answer, Unreachable> {
            self.0.lock().unwrap().push((request.key.clone(), request.body.clone()));
            if request.body.get(REVIEWED).is_some() {
                return Ok(Answer::Taken { repeated: false });
            }
            let code = POSSIBLE_DUPLICATE.to_owned();
            Ok(Answer::Problem(Problem { status: 409, code, ..Problem::default() }))
        }
    }

    fn household() -> Outgoing {
        let (path, key) = ("/api/v1/households".to_owned(), "ligne-2".to_owned());
        Outgoing { path, key, body: json!({ "territory": "33" }) }
    }

    #[tokio::test]
    async fn a_possible_duplicate_is_refused_unless_a_reason_was_given_once_for_all() {
        let suspicious = Suspicious::default();
        let without = Reviewing::new(&suspicious, None).send(&household()).await.unwrap();
        assert!(matches!(without, Answer::Problem(problem) if problem.code == "possible-duplicate"));
        let with = Reviewing::new(&suspicious, Some(DuplicateReviewReason::imported()));
        assert_eq!(with.send(&household()).await.unwrap(), Answer::Taken { repeated: false });
        let asked = suspicious.0.lock().unwrap();
        assert!(asked.iter().all(|(key, _)| key == "ligne-2"), "the same command");
        assert_eq!(asked[2].1["duplicate_reviewed"], json!({ "reason": "imported" }));
    }
}
