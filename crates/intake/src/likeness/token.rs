//! Tokens: what stands for a trait on disk.

use domain::id::Territory;
use domain::likeness::{Likeness, Trait};
use journal::keys::KeyRing;
use serde::{Deserialize, Serialize};

/// The use of the index key that these digests are of.
const USE: &[u8] = b"likeness/1";

/// A trait that only whoever holds the index key can make, and nobody can read: in what, and sixteen bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Token(Likeness, String);

impl Token {
    /// In what those who share it look alike.
    pub(super) fn likeness(&self) -> Likeness {
        self.0
    }

    /// What the keys of its rows begin with.
    pub(super) fn prefix(&self) -> Vec<u8> {
        projection::key::of(&(self.0.code(), &self.1))
    }
}

/// Makes tokens.
#[derive(Clone)]
pub(super) struct Tokens {
    keys: KeyRing,
}

impl Tokens {
    pub(super) fn of(keys: KeyRing) -> Self {
        Self { keys }
    }

    /// The token of a trait of somebody whose file is at home in `territory`.
    pub(super) fn token(&self, territory: Territory, of: &Trait) -> Token {
        let (code, territory) = (of.likeness.code(), territory.to_string());
        let parts: Vec<&[u8]> =
            [USE, code.as_bytes(), territory.as_bytes()].into_iter().chain(of.parts()).collect();
        Token(of.likeness, desk::hex(&self.keys.digest(&parts)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::calendar::Day;
    use domain::household::composition::Identity;
    use domain::likeness::traits;
    use journal::broker::Broker;
    use journal::keys::KeyFile;
    use journal::{Journal, JournalConfig};

    use super::*;

    fn tokens(keys: &Tokens, territory: &str) -> BTreeSet<Token> {
        let identity = Identity {
            last_name: "Dupont".to_owned(),
            first_names: "Jean".to_owned(),
            birth_name: None,
            birth_date: Day("1980-03-04".parse().unwrap()),
            phone: Some("06 12 34 56 78".to_owned()),
            email: None,
            address: None,
        };
        traits(&identity).iter().map(|one| keys.token(territory.parse().unwrap(), one)).collect()
    }

    #[tokio::test]
    async fn under_another_index_key_or_in_another_departement_no_token_is_the_same() {
        let (one, other) = (Broker::temporary().await.unwrap(), Broker::temporary().await.unwrap());
        let secrets = tempfile::tempdir().unwrap();
        let keys = async |broker: &Broker, name: &str| {
            let file = KeyFile::open_or_create(&secrets.path().join(name), None).unwrap();
            let journal = Journal::open(JournalConfig::at(broker.url())).await.unwrap();
            Tokens::of(journal.with_keys(file).await.unwrap().keys().unwrap().clone())
        };
        let (first, second) = (keys(&one, "one").await, keys(&other, "other").await);
        assert_eq!(tokens(&first, "33").len(), 5);
        assert_eq!(tokens(&first, "33"), tokens(&first, "33"));
        assert!(tokens(&first, "33").is_disjoint(&tokens(&second, "33")));
        assert!(tokens(&first, "33").is_disjoint(&tokens(&first, "75")));
        let all = format!("{:?}", tokens(&first, "33")).to_lowercase();
        assert!(!all.contains("dupon") && !all.contains("1980") && !all.contains("0612345678"));
        one.stop().await;
        other.stop().await;
    }
}
