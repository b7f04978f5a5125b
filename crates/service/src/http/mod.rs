//! The surface of a service: routes with their documentation, layers that are the same everywhere, and the server.

mod address;
mod gate;
mod health;
mod layers;
mod server;
mod site;
mod wording;

pub use address::{Network, NotANetwork};
pub use gate::{Admission, Admitted, Counted, Gate, Needs, Verb};
pub use health::{CHECK_TIMEOUT, Check};
pub use server::{BindError, HEADER_TIMEOUT, Server};
pub use site::Site;
pub use wording::Wording;
