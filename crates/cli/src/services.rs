//! The five services by name: how each starts, and what it keeps.

use clap::ValueEnum;
use desk::{Context, Running};

/// A service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// The SIAO: households, requests, matching, referrals.
    Intake,
    /// Insertion housing: structures, places, admissions, stays.
    Insertion,
    /// Social landlords: dwellings, committees, leases.
    Landlord,
    /// Pathways at two dates.
    Supervision,
    /// Events after a position, and live.
    Feed,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Intake, Self::Insertion, Self::Landlord, Self::Supervision, Self::Feed];

    /// The name in configuration, logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Intake => intake::NAME,
            Self::Insertion => insertion::NAME,
            Self::Landlord => landlord::NAME,
            Self::Supervision => supervision::NAME,
            Self::Feed => feed::NAME,
        }
    }

    /// What it keeps in its view.
    #[must_use]
    pub fn views(self) -> Vec<Box<dyn projection::View>> {
        match self {
            Self::Intake => intake::views(),
            Self::Insertion => insertion::views(),
            Self::Landlord => landlord::views(),
            Self::Supervision => supervision::views(),
            Self::Feed => feed::views(),
        }
    }

    /// Starts it.
    ///
    /// # Errors
    /// When its rows cannot be opened or made.
    pub async fn start(self, context: &Context) -> anyhow::Result<Running> {
        match self {
            Self::Intake => Box::pin(intake::start(context)).await,
            Self::Insertion => Box::pin(insertion::start(context)).await,
            Self::Landlord => Box::pin(landlord::start(context)).await,
            Self::Supervision => Box::pin(supervision::start(context)).await,
            Self::Feed => Box::pin(feed::start(context)).await,
        }
    }
}
