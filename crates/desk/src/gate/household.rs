//! The household of a path, as whoever asks means it.

use domain::id::HouseholdId;
use service::Problem;
use service::axum::extract::FromRequestParts;
use service::axum::http::request::Parts;
use service::extract::Path;

use super::Caller;

/// The household that the only parameter of the path means in the mouth of the caller: the one way for a handler to be told
/// of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meant(pub HouseholdId);

impl<S: Send + Sync> FromRequestParts<S> for Meant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(given): Path<_> = Path::from_request_parts(parts, state).await?;
        let caller = Caller::from_request_parts(parts, state).await?;
        Ok(Self(caller.names.meant(given)))
    }
}
