//! Edits of subnets.

use std::time::Duration;

use super::{
    AdminError, Applied, Deletion, Mode, Taken,
    edit::{TRIES, carried},
    surroundings::{parse_subnet, resolved, with_record},
};
use crate::{
    alloc::Allocator,
    api::{SpiderIPPool, SpiderSubnet, keys},
    model::{Pool, Subnet},
    name::ObjectName,
    store::{Key, StoreError, StoreExt, Token},
    validate,
};

/// The kind of the owner reference that a pool may have to its Subnet.
const KIND: &str = "SpiderSubnet";

impl Allocator {
    /// Creates or changes a subnet. Pools of its network that exist already become its own; its record of who has
    /// which addresses is kept by compare-and-swap, so an edit never takes away what a pool is claiming at the same
    /// time.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn apply_subnet(&self, wanted: &SpiderSubnet, mode: Mode) -> Result<Applied, AdminError> {
        let name = ObjectName::new(&wanted.metadata.name).map_err(AdminError::Name)?;
        for attempt in 0..TRIES {
            let done = match self.store().subnet(&name).await? {
                None => self.create_subnet(&name, wanted, mode).await?,
                Some((old, token)) => self.change_subnet(&name, &old, token, wanted, mode).await?,
            };
            if let Some(applied) = done {
                return Ok(applied);
            }
            let most = 1_000u64 << attempt.min(7);
            self.env().timer.sleep(Duration::from_micros(self.number() % most)).await;
        }
        Err(AdminError::Contended { object: Key::Subnet(name) })
    }

    async fn create_subnet(
        &self,
        name: &ObjectName,
        wanted: &SpiderSubnet,
        mode: Mode,
    ) -> Result<Option<Applied>, AdminError> {
        let key = Key::Subnet(name.clone());
        let around = self.surroundings().await?;
        let mut object = wanted.clone();
        object.status = Default::default();
        self.born(&mut object.metadata);
        validate::subnet::set_defaults(&mut object);
        let found = validate::subnet::create(&object, &around.context());
        found
            .into_result(())
            .map_err(|violations| AdminError::Invalid { object: key.clone(), violations })?;
        let object = self.recorded(&object).await?;
        if mode == Mode::DryRun {
            return Ok(Some(Applied::Created { warnings: Vec::new() }));
        }
        let token = match self.store().create(&key, object.clone().into()).await {
            Err(StoreError::AlreadyExists { .. }) => return Ok(None),
            other => other?,
        };
        // Of two that are created at the same time each sees the other here, unless the other saw this one before:
        // then that one goes. If both go, both begin again, at different times.
        let network = parse_subnet(&object)?.subnet;
        if self.surroundings().await?.rivals(name, network).next().is_some()
            && self.remove(&key, &token, mode).await?.is_some()
        {
            return Ok(None);
        }
        // Pools that were created meanwhile saw no Subnet, or look for one now.
        self.reconcile(name, None).await?;
        let warnings = self.adopt(network).await?;
        Ok(Some(Applied::Created { warnings }))
    }

    async fn change_subnet(
        &self,
        name: &ObjectName,
        old: &SpiderSubnet,
        token: Token,
        wanted: &SpiderSubnet,
        mode: Mode,
    ) -> Result<Option<Applied>, AdminError> {
        let key = Key::Subnet(name.clone());
        if old.metadata.deletion_timestamp.is_some() {
            return Err(AdminError::Terminating { object: key });
        }
        // What pools have and claim, by the token on which this edit rests.
        let before = self.recorded(old).await?;
        let around = self.surroundings().await?;
        let mut object = wanted.clone();
        object.status = before.status.clone();
        carried(&old.metadata, &mut object.metadata);
        validate::subnet::set_defaults(&mut object);
        let found = validate::subnet::update(&before, &object, &around.context());
        found
            .into_result(())
            .map_err(|violations| AdminError::Invalid { object: key.clone(), violations })?;
        let same = object.spec == old.spec && object.metadata == old.metadata;
        if !same {
            object.metadata.generation = old.metadata.generation.map(|generation| generation + 1);
        }
        let applied = match same {
            true => Applied::Unchanged,
            false => Applied::Configured { warnings: Vec::new() },
        };
        let next = self.recorded(&object).await?;
        if mode == Mode::DryRun || next == *old {
            return Ok(Some(applied));
        }
        match self.store().update(&key, &token, next.into()).await {
            Ok(_) => Ok(Some(applied)),
            Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a subnet. Guarded, it is refused while pools take addresses from it. Otherwise the auto pools that were
    /// made from it terminate, and all other pools stay as they are and belong to no Subnet from then on.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn delete_subnet(
        &self,
        name: &ObjectName,
        deletion: Deletion,
        mode: Mode,
    ) -> Result<Applied, AdminError> {
        let key = Key::Subnet(name.clone());
        for _ in 0..TRIES {
            let Some((old, token)) = self.store().subnet(name).await? else {
                return Err(AdminError::NotFound { object: key });
            };
            let pools = self.list_pools().await?;
            let by = pools.iter().map(|(pool, token)| (pool.as_ref(), token));
            // A record that cannot be read guards nothing: what pools have stands in the pools.
            let record = resolved(&old, by, self.env().clock.now()).map(|(subnet, _)| subnet.controlled);
            let record = record.unwrap_or_default();
            if deletion == Deletion::Guarded && !record.is_empty() {
                let others = record.into_iter().map(|(pool, entry)| {
                    let since = entry.pending.iter().map(|claiming| claiming.since).min();
                    Taken { pool, ips: entry.ips, since }
                });
                return Err(AdminError::InUse { object: key, others: others.collect() });
            }
            if mode == Mode::DryRun {
                return Ok(Applied::Deleted);
            }
            if record.is_empty() {
                match self.remove(&key, &token, mode).await? {
                    Some(applied) => return Ok(applied),
                    None => continue,
                }
            }
            // From here on no pool can claim: a claim looks at this with the token that it writes by.
            let mut terminating = old.as_ref().clone();
            terminating.metadata.deletion_timestamp.get_or_insert(self.env().clock.now().to_string());
            let token = match terminating == *old {
                true => token,
                false => match self.store().update(&key, &token, terminating.into()).await {
                    Ok(token) => token,
                    Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => continue,
                    Err(error) => return Err(error.into()),
                },
            };
            self.dissolve(name).await?;
            if let Some(applied) = self.remove(&key, &token, mode).await? {
                return Ok(applied);
            }
        }
        Err(AdminError::Contended { object: key })
    }

    /// Auto pools of the subnet terminate; all others are told that they belong to none.
    async fn dissolve(&self, name: &ObjectName) -> Result<(), AdminError> {
        for (object, _) in self.list_pools().await? {
            let Ok(pool) = ObjectName::new(&object.metadata.name) else { continue };
            let parsed = Pool::try_from(object.as_ref()).ok();
            let made_from = parsed.and_then(|pool| pool.auto).and_then(|auto| auto.subnet);
            if made_from.as_ref() == Some(name) {
                match self.delete_pool(&pool, Deletion::Terminate, Mode::Real).await {
                    Ok(_) | Err(AdminError::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            } else if belongs(&object, name) {
                self.release_pool(&pool, name).await?;
            }
        }
        Ok(())
    }

    /// Takes what says that a pool belongs to `subnet` off the pool. Nothing else of it changes.
    async fn release_pool(&self, pool: &ObjectName, subnet: &ObjectName) -> Result<(), AdminError> {
        for _ in 0..TRIES {
            let Some((object, token)) = self.store().pool(pool).await? else { return Ok(()) };
            let mut object = object.as_ref().clone();
            if !belongs(&object, subnet) {
                return Ok(());
            }
            object.metadata.labels.remove(keys::LABEL_OWNER_SUBNET);
            object.metadata.owner_references.retain(|owner| owner.kind != KIND);
            match self.store().update(&Key::Pool(pool.clone()), &token, object.into()).await {
                Ok(_) => return Ok(()),
                Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AdminError::Contended { object: Key::Pool(pool.clone()) })
    }

    /// Pools of `network` that were there before their Subnet get from it what they leave out. What cannot be changed
    /// about one is a warning.
    async fn adopt(&self, network: crate::addr::Cidr) -> Result<Vec<String>, AdminError> {
        let mut warnings = Vec::new();
        for (pool, _) in self.list_pools().await? {
            if pool.spec.subnet.parse() != Ok(network) || pool.metadata.deletion_timestamp.is_some() {
                continue;
            }
            match self.apply_pool(&pool, Mode::Real).await {
                Ok(_) => {}
                Err(error @ AdminError::Store(_)) => return Err(error),
                Err(error) => {
                    warnings.push(format!("pool {} was left as it is: {error}", pool.metadata.name))
                }
            }
        }
        Ok(warnings)
    }

    /// `object` with its record resolved by the pools as they are now.
    pub(super) async fn recorded(&self, object: &SpiderSubnet) -> Result<SpiderSubnet, AdminError> {
        let pools = self.list_pools().await?;
        let by = pools.iter().map(|(pool, token)| (pool.as_ref(), token));
        let (subnet, _): (Subnet, _) = resolved(object, by, self.env().clock.now())?;
        with_record(object, &subnet)
    }
}

fn belongs(pool: &SpiderIPPool, subnet: &ObjectName) -> bool {
    let label = pool.metadata.labels.get(keys::LABEL_OWNER_SUBNET);
    let mut owners = pool.metadata.owner_references.iter();
    label.is_some_and(|label| label == subnet.as_str())
        || owners.any(|owner| owner.kind == KIND && owner.name == subnet.as_str())
}
