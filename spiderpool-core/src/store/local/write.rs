//! One compare-and-swap as a value, and the revisions that serve as tokens.

use serde::{Deserialize, Serialize};

use crate::store::{Document, Key, Position, StoreError, Token, Versioned};

/// The number of a committed write. Each is given once in the life of a store, so a document that is deleted and
/// created again never gets an old token back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// The revision as a token.
    #[must_use]
    pub fn token(self) -> Token {
        let mut digits = [0; 20];
        Token::new(self.text(&mut digits))
    }

    /// The revision as a position to watch from: everything after it.
    #[must_use]
    pub fn position(self) -> Position {
        Position(self.0.to_string())
    }

    /// The revision that `token` stands for, if a [`Revision`] made it.
    #[must_use]
    pub fn of_token(token: &Token) -> Option<Self> {
        token.as_str().parse().ok().map(Self)
    }

    /// The revision that `position` stands for, if a [`Revision`] made it.
    #[must_use]
    pub fn of_position(position: &Position) -> Option<Self> {
        position.0.parse().ok().map(Self)
    }

    /// Decimal digits without an allocation: every write makes a token.
    fn text(self, digits: &mut [u8; 20]) -> &str {
        let mut rest = self.0;
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        std::str::from_utf8(&digits[start..]).unwrap_or_default()
    }
}

/// What a write does to the document under its key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// [`crate::store::Store::create`].
    Create(Document),
    /// [`crate::store::Store::update`].
    Update(Token, Document),
    /// [`crate::store::Store::delete`].
    Delete(Token),
}

/// One write of a [`crate::store::Store`], as a value.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Write {
    /// Where.
    pub key: Key,
    /// What.
    pub action: Action,
}

impl Write {
    /// Whether this write may follow on the document whose token is `current`, none where there is none under its key:
    /// the one place where compare-and-swap compares.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`], [`StoreError::NotFound`], [`StoreError::Conflict`].
    pub fn judge(&self, current: Option<&Token>) -> Result<(), StoreError> {
        let key = || self.key.clone();
        match (&self.action, current) {
            (Action::Create(_), None) => Ok(()),
            (Action::Create(_), Some(_)) => Err(StoreError::AlreadyExists { key: key() }),
            (Action::Update(..) | Action::Delete(_), None) => Err(StoreError::NotFound { key: key() }),
            (Action::Update(token, _) | Action::Delete(token), Some(found)) => {
                if found == token {
                    Ok(())
                } else {
                    Err(StoreError::Conflict { key: key() })
                }
            }
        }
    }

    /// What stands under the key after this write was committed as `revision`; none after a deletion.
    #[must_use]
    pub fn outcome(self, revision: Revision) -> (Key, Option<Versioned>) {
        let Self { key, action } = self;
        match action {
            Action::Create(document) | Action::Update(_, document) => {
                let put = Versioned { key: key.clone(), token: revision.token(), document };
                (key, Some(put))
            }
            Action::Delete(_) => (key, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_their_digits() {
        for n in [0, 9, 10, 12_345, u64::MAX] {
            assert_eq!(Revision(n).token().as_str(), n.to_string());
            assert_eq!(Revision::of_token(&Revision(n).token()), Some(Revision(n)));
            assert_eq!(Revision::of_position(&Revision(n).position()), Some(Revision(n)));
        }
        assert_eq!(Revision::of_token(&Token::new("x")), None);
    }
}
