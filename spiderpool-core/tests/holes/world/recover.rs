//! What must be possible wherever nothing is left to do: with nothing more going wrong, every free address is found,
//! and then the pool is exhausted (I10).

use std::sync::Arc;

use spiderpool_core::{
    addr::Family,
    api::SpiderIPPool,
    protocol::{Role, Subject},
};

use super::{
    Faults, Task, World, sight,
    things::{ask, pool_ref, scope},
};

impl World {
    fn pools(&self) -> Vec<Arc<SpiderIPPool>> {
        self.store.documents().filter_map(|(_, document)| document.as_pool().cloned()).collect()
    }

    /// The controller settles what is half-done, as late as it takes; then pods come for all that is free, and one
    /// more.
    pub(crate) fn recovers(&self) -> Result<(), String> {
        let mut world = self.clone().with(Faults::default());
        world.late.clear();
        world.actors.clear();
        let families = [Family::V4, Family::V6].map(|family| Subject::reservations(&scope(), family));
        let pools = world.pools();
        let subjects = families.into_iter().chain(pools.iter().map(|pool| Subject::pool(&pool_ref(pool))));
        let settling = subjects.map(|subject| Task::Settle(subject, Role::Controller)).collect();
        world = world.actor("controller", settling).settled();
        for pool in world.pools() {
            let reference = pool_ref(&pool);
            let taken = sight::held(&world.store) | sight::reserved(&world.store, |_| true);
            let free = sight::offers(&world.store, &reference.uid).unwrap_or(0) & !taken;
            let pods = (0..=free.count_ones()).map(|n| {
                let name = format!("{}-late-{n}", reference.name);
                Task::from(ask(&name, &format!("c-{name}"), &reference))
            });
            world = world.actor("late", pods.collect()).run_out();
            let answers = &world.actors[0].answers;
            let (last, served) =
                answers.split_last().map_or(("", &[][..]), |(last, rest)| (last.as_str(), rest));
            let found = |answer: &String| answer.contains(": 10.") || answer.contains(": fd00:");
            if !served.iter().all(found) || !last.ends_with(": exhausted") {
                return Err(format!(
                    "{} addresses are free, and pods are told {answers:?} (I10)",
                    free.count_ones()
                ));
            }
            world.actors.clear();
        }
        Ok(())
    }
}
