//! Taking away auto pools that nobody wants any more.

use super::{Demand, Workload};
use crate::{
    admin::{AdminError, Applied, Deletion, Mode},
    alloc::Allocator,
    model::{Application, Pool, Reclaim},
    name::{ObjectName, Uid},
};

impl Allocator {
    /// Lets the pools go that `workload` has and does not want by `demands` (it names another Subnet now, or fewer
    /// interfaces), and those of earlier incarnations. Pools that are to be kept stay. They grant nothing from then on
    /// and go with their last address. The names of those that were told to go.
    ///
    /// Cost: a listing of the pools, and a deletion each.
    ///
    /// # Errors
    /// See [`AdminError`]; what was told to go goes, and the next call goes on.
    pub async fn retire_unwanted_pools(
        &self,
        workload: &Workload,
        demands: &[Demand],
    ) -> Result<Vec<ObjectName>, AdminError> {
        self.retire_where(|pool| {
            let Some(auto) = pool.auto.as_ref().filter(|auto| auto.application == workload.application)
            else {
                return false;
            };
            let own = auto.uid.as_ref().is_none_or(|uid| *uid == workload.uid);
            let wanted = demands.iter().any(|demand| {
                auto.interface.as_ref().is_none_or(|interface| *interface == demand.interface)
                    && auto.subnet.as_ref() == Some(&demand.subnet)
                    && pool.family == demand.family
            });
            !(own && wanted)
        })
        .await
    }

    /// Lets the pools of an application that is gone go, but for those that are to be kept; `alive` is the uid of an
    /// application of the same name that is there now, whose pools are not touched.
    ///
    /// Cost: a listing of the pools, and a deletion each.
    ///
    /// # Errors
    /// See [`AdminError`]; what was told to go goes, and the next call goes on.
    pub async fn retire_auto_pools(
        &self,
        application: &Application,
        alive: Option<&Uid>,
    ) -> Result<Vec<ObjectName>, AdminError> {
        self.retire_where(|pool| {
            pool.auto.as_ref().is_some_and(|auto| {
                auto.application == *application && (alive.is_none() || auto.uid.as_ref() != alive)
            })
        })
        .await
    }

    async fn retire_where(&self, goes: impl Fn(&Pool) -> bool) -> Result<Vec<ObjectName>, AdminError> {
        let mut gone = Vec::new();
        for (object, _) in self.list_pools().await? {
            let Ok(pool) = Pool::try_from(object.as_ref()) else { continue };
            let kept = pool.auto.as_ref().is_none_or(|auto| auto.reclaim == Reclaim::Keep);
            if kept || pool.terminating || !goes(&pool) {
                continue;
            }
            match self.delete_pool(&pool.name, Deletion::Terminate, Mode::Real).await {
                Ok(Applied::Deleted | Applied::Terminating { .. }) => gone.push(pool.name),
                Ok(_) | Err(AdminError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(gone)
    }
}
