//! What goes to another household when one becomes two or two become one, as the events carry it.

mod papers;
mod request;
mod stay;

pub use papers::{ApplicationCopy, ConsentCopy, LabelCopy, WarningCopy};
pub use request::{RequestCopy, Stage};
pub use stay::{ExtensionCopy, SocialAidCopy, StayCopy};
