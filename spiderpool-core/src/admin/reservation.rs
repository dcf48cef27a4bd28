//! Edits of reservations: never refused for addresses that are held, but the holders are named.

use super::{
    AdminError, Applied, Mode,
    edit::{Judged, TRIES, carried},
    outcome::list_holders,
};
use crate::{
    addr::{Family, IpSet},
    alloc::Allocator,
    api::SpiderReservedIP,
    model::Reservation,
    name::ObjectName,
    protocol::{Guard, Holder, Subject, reserved},
    store::{Key, StoreError, StoreExt, Token},
    validate::{self, Context},
};

impl Allocator {
    /// Creates or changes a reservation. It binds from the next grant on; addresses that are held are named in a
    /// warning and stay held.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn apply_reservation(
        &self,
        wanted: &SpiderReservedIP,
        mode: Mode,
    ) -> Result<Applied, AdminError> {
        let name = ObjectName::new(&wanted.metadata.name).map_err(AdminError::Name)?;
        let key = Key::Reservation(name.clone());
        for _ in 0..TRIES {
            let old = self.store().reservation(&name).await?;
            let (mut next, parsed) =
                self.fit_reservation(&key, old.as_ref().map(|(old, _)| &**old), wanted)?;
            let subject = Subject::reservations(self.scope(), parsed.family);
            let token = match &old {
                None => {
                    next.status = Default::default();
                    self.born(&mut next.metadata);
                    None
                }
                Some((old, token)) => {
                    next.status = old.status.clone();
                    carried(&old.metadata, &mut next.metadata);
                    if next == **old {
                        if mode == Mode::Real {
                            self.settle(&subject).await?;
                        }
                        return Ok(Applied::Unchanged);
                    }
                    next.metadata.generation = old.metadata.generation.map(|generation| generation + 1);
                    Some(token.clone())
                }
            };
            let before = old.as_ref().map(|(old, _)| old.as_ref());
            let holders = self.judge(&key, &subject, before, Some(&next), token.clone(), mode).await?;
            let warnings = warn(&holders);
            let created = token.is_none();
            if mode == Mode::Real {
                let written = match token {
                    None => self.store().create(&key, next.into()).await,
                    Some(token) => self.store().update(&key, &token, next.into()).await,
                };
                let beaten = matches!(
                    written,
                    Err(StoreError::Conflict { .. }
                        | StoreError::AlreadyExists { .. }
                        | StoreError::NotFound { .. })
                );
                if !beaten {
                    written?;
                }
                self.settle(&subject).await?;
                if beaten {
                    continue;
                }
            }
            return Ok(if created {
                Applied::Created { warnings }
            } else {
                Applied::Configured { warnings }
            });
        }
        Err(AdminError::Contended { object: key })
    }

    /// Deletes a reservation: its addresses may be granted again.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn delete_reservation(&self, name: &ObjectName, mode: Mode) -> Result<Applied, AdminError> {
        let key = Key::Reservation(name.clone());
        for _ in 0..TRIES {
            let Some((old, token)) = self.store().reservation(name).await? else {
                return Err(AdminError::NotFound { object: key });
            };
            if mode == Mode::DryRun {
                return Ok(Applied::Deleted);
            }
            match self.store().delete(&key, &token).await {
                Err(StoreError::Conflict { .. }) => continue,
                Err(StoreError::NotFound { .. }) => return Err(AdminError::NotFound { object: key }),
                other => other?,
            }
            if let Ok(parsed) = Reservation::try_from(old.as_ref()) {
                self.settle(&Subject::reservations(self.scope(), parsed.family)).await?;
            }
            return Ok(Applied::Deleted);
        }
        Err(AdminError::Contended { object: key })
    }

    /// Fills in what the reservation leaves out, then checks it, all violations at once.
    pub(super) fn fit_reservation(
        &self,
        key: &Key,
        old: Option<&SpiderReservedIP>,
        wanted: &SpiderReservedIP,
    ) -> Result<(SpiderReservedIP, Reservation), AdminError> {
        let context = Context { families: self.rules().families, ..Context::default() };
        let mut next = wanted.clone();
        validate::reservation::set_defaults(&mut next);
        let found = match old {
            None => validate::reservation::create(&next, [], &context),
            Some(old) => validate::reservation::update(old, &next, &context),
        };
        let invalid = |violations| AdminError::Invalid { object: key.clone(), violations };
        found.into_result(()).map_err(invalid)?;
        let parsed = Reservation::try_from(&next).map_err(invalid)?;
        Ok((next, parsed))
    }

    pub(super) async fn judge(
        &self,
        key: &Key,
        subject: &Subject,
        old: Option<&SpiderReservedIP>,
        new: Option<&SpiderReservedIP>,
        base: Option<Token>,
        mode: Mode,
    ) -> Result<Vec<Holder>, AdminError> {
        let left = |object: Option<&SpiderReservedIP>| {
            object.map_or_else(
                || everything(subject.family),
                |object| reserved(object, subject.family).complement(),
            )
        };
        self.admit(Judged {
            key: key.clone(),
            creates: new.filter(|_| base.is_none()).and_then(|object| object.metadata.uid.clone()),
            base,
            subject: subject.clone(),
            old: left(old),
            new: left(new),
            guard: Guard::Warn,
            mode,
        })
        .await
    }
}

fn everything(family: Family) -> IpSet {
    IpSet::everything(family)
}

pub(super) fn warn(holders: &[Holder]) -> Vec<String> {
    if holders.is_empty() {
        return Vec::new();
    }
    let what = "reserved from the next grant on, but held now";
    vec![format!("{what}: {}", list_holders(holders))]
}
