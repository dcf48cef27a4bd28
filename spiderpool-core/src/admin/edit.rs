//! What all edits share: judging, settling, and the marks that a store without an API server has to set itself.

use std::{sync::Arc, time::Duration};

use super::{AdminError, Mode};
use crate::{
    addr::IpSet,
    alloc::Allocator,
    api::ObjectMeta,
    model::{Plan, PlanId},
    name::{ObjectName, Uid},
    protocol::{Admit, Admitted, Edit, Failure, Guard, Holder, Role, Settle, Settled, Subject},
    store::{Key, StoreError, Token},
};

/// How long one edit may take: below an API server's limit of 30 s for a webhook.
pub(super) const BUDGET: Duration = Duration::from_secs(20);
/// How often an edit is begun again because somebody else changed the object.
pub(crate) const TRIES: usize = 16;

/// An object whose edit is judged.
pub(super) struct Judged {
    pub(super) key: Key,
    pub(super) base: Option<Token>,
    /// For a creation, the uid that was drawn for it.
    pub(super) creates: Option<String>,
    pub(super) subject: Subject,
    pub(super) old: IpSet,
    pub(super) new: IpSet,
    pub(super) guard: Guard,
    pub(super) mode: Mode,
}

fn lost(failure: Failure) -> AdminError {
    AdminError::Store(StoreError::unavailable(failure.to_string()))
}

impl Allocator {
    /// Rule 5a: takes out of the blocks what the edit takes away, and names the holders.
    pub(super) async fn admit(&self, judged: Judged) -> Result<Vec<Holder>, AdminError> {
        let Judged { key, base, creates, subject, old, new, guard, mode } = judged;
        let edit = Edit {
            id: self.env().random_id(),
            scope: self.scope().clone(),
            object: key.clone(),
            subject: subject.clone(),
            base,
            creates,
            old: Arc::new(old),
            new: Arc::new(new),
            guard,
            run: mode.into(),
        };
        let deadline = self.env().clock.monotonic().after(BUDGET);
        match self.run(Admit::new(edit, self.block_bits(), self.number(), deadline)).await {
            Admitted::Yes(holders) => Ok(holders),
            Admitted::Refused(holders) => {
                if mode == Mode::Real {
                    self.settle(&subject).await?;
                }
                Err(AdminError::Held { object: key, holders })
            }
            Admitted::InProgress { done, of } => Err(AdminError::InProgress { object: key, done, of }),
            Admitted::Failed(failure) => Err(lost(failure)),
        }
    }

    /// Rule 5c: brings what the objects say into force. None where there is neither plan nor object, or an edit of
    /// somebody else is in flight: then whoever made it, or the next request that needs it, settles.
    ///
    /// # Errors
    /// The store failed.
    pub async fn settle(&self, subject: &Subject) -> Result<Option<Arc<Plan>>, AdminError> {
        let deadline = self.env().clock.monotonic().after(BUDGET);
        let machine = Settle::new(subject.clone(), Role::Controller, self.number(), deadline);
        match self.run(machine).await {
            Settled::Done(plan, _) => Ok(Some(plan)),
            Settled::Gone | Settled::InProgress(_) | Settled::Busy(_) => Ok(None),
            Settled::Failed(message) => Err(AdminError::Store(StoreError::unavailable(message.as_ref()))),
        }
    }

    /// The metadata of a new object.
    pub(super) fn born(&self, meta: &mut ObjectMeta) {
        meta.uid = Some(self.env().random_id());
        meta.creation_timestamp = Some(self.env().clock.now().to_string());
        meta.deletion_timestamp = None;
        meta.resource_version = None;
        meta.generation = Some(1);
    }
}

/// The metadata of a changed object: what the store keeps stays, what people write is as they wrote it.
pub(super) fn carried(old: &ObjectMeta, new: &mut ObjectMeta) {
    new.uid.clone_from(&old.uid);
    new.creation_timestamp.clone_from(&old.creation_timestamp);
    new.deletion_timestamp.clone_from(&old.deletion_timestamp);
    new.finalizers.clone_from(&old.finalizers);
    new.resource_version = None;
    new.generation = old.generation;
}

/// The plan of a pool object.
pub(super) fn subject_of(
    name: &ObjectName,
    meta: &ObjectMeta,
    family: crate::addr::Family,
) -> Option<Subject> {
    let uid = Uid::new(meta.uid.as_deref()?).ok()?;
    Some(Subject { plan: PlanId::Pool(uid), pool: Some(name.clone()), family })
}
