//! One look at one application.

use std::sync::Arc;

use spiderpool_core::{
    admin::AdminError,
    alloc::Allocator,
    autopool::{AutoPoolError, Carver, Demand, Ensured, Resize, Workload, demands},
    model::Application,
    name::{ObjectName, Uid},
    store::{Key, ResourceName, StoreError},
};

use super::{AutoPoolConfig, queue::Looked};
use crate::{
    apps::Known,
    notices::{About, Notice, Notices, Shown},
};

/// A Subnet has too few addresses.
const EXHAUSTED: &str = "SubnetExhausted";
/// An application cannot have its pool.
const REFUSED: &str = "AutoPoolRefused";
/// What an application's annotations say is wrong.
const WRONG: &str = "WrongAnnotation";
/// What they say is odd.
const ODD: &str = "SuspiciousAnnotation";

/// What a look came to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) application: Application,
    pub(super) looked: Looked,
    /// Subnets that have too few addresses for it, or do not exist, and how many more it wants of each.
    pub(super) short: Vec<(ObjectName, u128)>,
    /// Pools of it that are to give addresses back once they are released.
    pub(super) surplus: Vec<ObjectName>,
}

#[derive(Debug)]
pub(super) struct Look {
    pub(super) allocator: Allocator,
    pub(super) notices: Arc<dyn Notices>,
    pub(super) config: AutoPoolConfig,
    pub(super) carver: Carver,
    pub(super) shown: Shown,
}

impl Look {
    /// Brings the pools of `application` up to what is known of it.
    pub(super) async fn at(&self, application: Application, known: Known) -> Outcome {
        let mut outcome =
            Outcome { application, looked: Looked::Done, short: Vec::new(), surplus: Vec::new() };
        let done = match known {
            Known::Here(workload) => self.keep(&workload, &mut outcome).await,
            Known::Gone => self.retire(&outcome.application, None).await,
            Known::Unsure => self.ask(&outcome.application).await,
        };
        if let Err(error) = done {
            tracing::warn!(application = %outcome.application, %error, "its pools cannot be looked after now");
            outcome.looked = Looked::Again;
        }
        outcome
    }

    async fn keep(&self, workload: &Workload, outcome: &mut Outcome) -> Result<(), AdminError> {
        let about = About::workload(workload);
        let wanted = match demands(workload, self.config.spare, self.config.families) {
            Ok(wanted) => wanted,
            Err(found) => {
                // What it has stays: whoever wrote the annotation meant something else.
                let notice = Notice { about: about.clone(), reason: WRONG, message: found.to_string() };
                self.notify(notice).await;
                self.shown.only(&about, &[WRONG]);
                return Ok(());
            }
        };
        let mut reasons = Vec::new();
        if !wanted.warnings.is_empty() {
            let message: Vec<_> = wanted.warnings.iter().map(ToString::to_string).collect();
            let notice = Notice { about: about.clone(), reason: ODD, message: message.join("; ") };
            self.notify(notice).await;
            reasons.push(ODD);
        }
        let mut failed = None;
        for demand in &wanted.pools {
            match self.allocator.ensure_auto_pool(workload, demand, &self.carver).await {
                Ok(ensured) => {
                    tell(workload, demand, &ensured);
                    if ensured.missing > 0 {
                        outcome.short.push((demand.subnet.clone(), ensured.missing));
                        reasons.push(EXHAUSTED);
                        self.notify(exhausted(&about, demand, &ensured)).await;
                    }
                    if ensured.surplus > 0 {
                        outcome.surplus.push(ensured.pool);
                    }
                }
                Err(AutoPoolError::Admin(AdminError::Store(error))) => failed = Some(error),
                Err(error) => {
                    match &error {
                        // Until somebody does something about the Subnet.
                        AutoPoolError::NoSubnet { subnet } | AutoPoolError::WrongFamily { subnet, .. } => {
                            outcome.short.push((subnet.clone(), demand.count));
                        }
                        _ => outcome.looked = Looked::Again,
                    }
                    reasons.push(REFUSED);
                    let (interface, family) = (&demand.interface, demand.family);
                    let message = format!("no {family} pool for {interface}: {error}");
                    self.notify(Notice { about: about.clone(), reason: REFUSED, message }).await;
                }
            }
        }
        self.shown.only(&about, &reasons);
        if let Some(error) = failed {
            return Err(error.into());
        }
        for pool in self.allocator.retire_unwanted_pools(workload, &wanted.pools).await? {
            tracing::info!(%pool, application = %workload.application, "goes: its application wants it no more");
        }
        Ok(())
    }

    async fn retire(&self, application: &Application, alive: Option<&Uid>) -> Result<(), AdminError> {
        for pool in self.allocator.retire_auto_pools(application, alive).await? {
            tracing::info!(%pool, %application, "goes: its application is gone");
        }
        Ok(())
    }

    /// Nobody tells of such applications: asks for this one.
    async fn ask(&self, application: &Application) -> Result<(), AdminError> {
        let Some(name) = resource(application) else { return Ok(()) };
        let found = self.allocator.store().get(&Key::Resource(name)).await;
        let found = match found {
            Ok(found) => found,
            // A kind that is not served any more, or may not be read: nobody knows.
            Err(error @ StoreError::Unavailable { .. }) => {
                tracing::debug!(%application, %error, "nobody can say whether it is there: its pools stay");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let object = found.as_ref().and_then(|found| found.document.as_resource());
        let Some(object) = object else { return self.retire(application, None).await };
        match object.metadata.uid.as_deref().and_then(|uid| Uid::new(uid).ok()) {
            Some(uid) => self.retire(application, Some(&uid)).await,
            None => Ok(()),
        }
    }

    /// Shows a notice, unless it was shown in these words and still holds.
    pub(super) async fn notify(&self, notice: Notice) {
        if self.shown.is_new(&notice) {
            tracing::warn!(about = %notice.about, reason = notice.reason, "{}", notice.message);
            self.notices.show(&notice).await;
        }
    }
}

fn tell(workload: &Workload, demand: &Demand, ensured: &Ensured) {
    let Ensured { pool, has, missing, surplus, resize } = ensured;
    let (application, number, subnet) = (&workload.application, demand.number, &demand.subnet);
    match resize {
        Resize::Unchanged => {
            tracing::debug!(%pool, %application, has, missing, surplus, "the pool is as it can be");
        }
        _ => tracing::info!(
            %pool, %application, %subnet, %number, replicas = workload.replicas.count(), has, missing, surplus,
            "pool {resize}"
        ),
    }
}

fn exhausted(about: &About, demand: &Demand, ensured: &Ensured) -> Notice {
    let Ensured { pool, has, missing, .. } = ensured;
    let (subnet, count) = (&demand.subnet, demand.count);
    let message = format!(
        "pool {pool} has {has} of {count} addresses: Subnet {subnet} has {missing} too few left. It grows as soon as there \
         are more: add addresses to the Subnet, or scale other applications down"
    );
    Notice { about: about.clone(), reason: EXHAUSTED, message }
}

/// The object of an application, for whoever asks for it.
fn resource(application: &Application) -> Option<ResourceName> {
    let group = application.api_version.split_once('/').map(|(group, _)| group);
    Some(ResourceName {
        kind: ObjectName::new(&application.kind).ok()?,
        group: group.map(ObjectName::new).transpose().ok()?,
        namespace: Some(application.namespace.clone()),
        name: application.name.clone(),
    })
}
