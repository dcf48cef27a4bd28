//! Copies of plans that do not say what the plans say.

use std::{collections::BTreeMap, sync::Arc};

use super::{ActionKind, Repair};
use crate::{
    inspect::copy_disagreement,
    model::{Plan, PlanId},
    store::{Kind, Selector, StoreError, StoreExt},
};

impl Repair {
    /// Takes copies out that allow something else than their plan, whatever their epochs say. A block without a copy
    /// grants nothing for that plan until the next grant has read the plan (rule 3); so this is safe at any time.
    pub(super) async fn drop_wrong_copies(&mut self) -> Result<(), StoreError> {
        let (blocks, _) = self.allocator.inspect().readable_blocks().await?;
        let plans = self.allocator.store().list(&Selector::Kind(Kind::Plan)).await;
        let Some(plans) = self.noted("comparing copies", plans)? else { return Ok(()) };
        let plans: BTreeMap<PlanId, Arc<Plan>> = plans
            .items
            .iter()
            .filter_map(|item| item.document.as_plan().map(|plan| (plan.id.clone(), plan.clone())))
            .collect();
        let wrong = |block: &crate::model::Block| -> Vec<(PlanId, String)> {
            let copies = block.copies().iter();
            let judged = copies.filter_map(|copy| {
                let why = copy_disagreement(block, copy, plans.get(&copy.plan)?)?;
                Some((copy.plan.clone(), why))
            });
            judged.collect()
        };
        for block in blocks.iter().filter(|block| !wrong(block).is_empty()) {
            // Its token first: it may have got new copies since the plans were read, and they go with it, harmlessly.
            let found = self.allocator.store().block(block.id()).await;
            let Some(Some((found, token))) = self.noted("comparing copies", found)? else { continue };
            let wrong = wrong(&found);
            if wrong.is_empty() {
                continue;
            }
            let done = self
                .allocator
                .drop_copies(&found, token, |plan| wrong.iter().any(|(wrong, _)| wrong == plan))
                .await;
            if self.edited("comparing copies", done)?.is_some() {
                for (_, why) in wrong {
                    self.did(ActionKind::CopyDropped, block.id(), format!("a copy is taken out: {why}"));
                }
            }
        }
        Ok(())
    }
}
