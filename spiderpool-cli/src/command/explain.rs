//! `explain`: which pools serve a pod, and why the others do not.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use spiderpool_cni::node::{PodSource as _, Sight, StorePods};
use spiderpool_core::{
    api::Resource,
    inspect::Inspect,
    model::{Families, Pool},
    name::{InterfaceName, Namespace, NamespacedName, NodeName, ObjectName},
    select::{
        AutoPools, Facts, NamespaceFacts, NetworkConfig, NodeFacts, PodFacts, PoolCatalog, SelectError,
        controller_of, is_intermediate, select, top_controller,
    },
    store::{Kind, Selector, StoreError, StoreExt as _},
};

use super::{get::namespace, ip::inspect_failure};
use crate::{
    answer::Answer,
    args::{ExplainArgs, Format},
    failure::{Exit, Failure},
    output::Table,
    session::{Session, store_failure},
};

/// What was found out.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    pod: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
    candidates: Vec<Candidate>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A pool that was considered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    interface: String,
    version: u8,
    pool: String,
    verdict: &'static str,
    reason: String,
}

/// Says which pools serve the pod.
pub(super) async fn explain(
    session: &Session,
    args: &ExplainArgs,
    format: Format,
) -> Result<Answer, Failure> {
    let wrong = |error: spiderpool_core::name::NameError| Failure::usage(error.to_string());
    let (space, name) = args.pod.split_once('/').unwrap_or(("default", &args.pod));
    let name = NamespacedName { namespace: namespace(space)?, name: ObjectName::new(name).map_err(wrong)? };
    let interface = InterfaceName::new(&args.interface).map_err(wrong)?;
    let config = NetworkConfig {
        pools: NetworkConfig::parse_pools(&args.ipv4_pools, &args.ipv6_pools)
            .map_err(|violations| Failure::usage(violations.to_string()))?,
        ..NetworkConfig::default()
    };
    let objects = StorePods(session.store().clone());
    let known = Known::gather(&objects, &name).await.map_err(store_failure)?;
    let node = match (&args.node, known.node_name()) {
        (Some(node), _) => NodeName::new(node).map_err(wrong)?,
        (None, Some(node)) => node,
        (None, None) => NodeName::new("unknown").map_err(wrong)?,
    };
    let node_object = objects.node(&node, Sight::Fresh).await.map_err(store_failure)?;
    let pod = match &known.pod {
        Some(pod) => PodFacts::new(&name, pod, known.controller.as_ref()),
        None => PodFacts::undeclared(&name),
    };
    let home = Namespace::new("kube-system").map_err(wrong)?;
    let facts = Facts {
        interface: &interface,
        position: None,
        pod: Some(pod),
        namespace: known.namespace.as_deref().map(NamespaceFacts::from).unwrap_or_default(),
        node: match &node_object {
            Some(object) => NodeFacts { name: &node, labels: &object.metadata.labels },
            None => NodeFacts::undeclared(&node),
        },
        config: &config,
        families: Families::Both,
        pools: &known.pools,
        requested: &[],
        cluster_network: None,
        home: &home,
        master_addresses: &[],
        auto_pools: AutoPools::Enabled,
    };
    let inspect = session.inspect().await?;
    let explanation = judge(&inspect, &facts, &name).await?;
    answer(explanation, known.pod.is_none(), format)
}

/// What is told of the pod `name`, for people.
pub(crate) async fn explain_pod(session: &Session, name: &str) -> Result<String, Failure> {
    let args = ExplainArgs {
        pod: name.to_owned(),
        interface: "eth0".into(),
        node: None,
        ipv4_pools: Vec::new(),
        ipv6_pools: Vec::new(),
    };
    explain(session, &args, Format::Table).await.map(|answer| answer.text)
}

async fn judge(inspect: &Inspect, facts: &Facts<'_>, name: &NamespacedName) -> Result<Explanation, Failure> {
    let mut explanation = Explanation { pod: name.to_string(), ..Explanation::default() };
    let interface = |slot: &spiderpool_core::model::Slot| slot.to_string();
    match select(facts) {
        Ok(selection) => {
            explanation.source = selection.source.to_string();
            explanation.warnings = selection.warnings.iter().map(ToString::to_string).collect();
            for part in &selection.parts {
                let version = part.family.number();
                for candidate in &part.candidates {
                    let (verdict, reason) = state(inspect, &candidate.pool).await?;
                    let pool = candidate.pool.name.to_string();
                    let interface = interface(&part.slot);
                    explanation.candidates.push(Candidate { interface, version, pool, verdict, reason });
                }
                for refused in &part.refused {
                    explanation.candidates.push(Candidate {
                        interface: interface(&part.slot),
                        version,
                        pool: refused.name().to_owned(),
                        verdict: "refused",
                        reason: refused.to_string(),
                    });
                }
            }
        }
        Err(error) => {
            if let SelectError::NothingLeft { chosen_by, parts, .. } = &error {
                explanation.source = chosen_by.to_string();
                for part in parts {
                    for refused in &part.refused {
                        explanation.candidates.push(Candidate {
                            interface: interface(&part.slot),
                            version: part.family.number(),
                            pool: refused.name().to_owned(),
                            verdict: "refused",
                            reason: refused.to_string(),
                        });
                    }
                }
            }
            explanation.error = Some(error.to_string());
        }
    }
    Ok(explanation)
}

/// Whether a pool that may serve has an address now.
async fn state(inspect: &Inspect, pool: &Pool) -> Result<(&'static str, String), Failure> {
    let object = inspect.store().pool(&pool.name).await.map_err(store_failure)?;
    let Some((object, _)) = object else { return Ok(("gone", "the pool was just deleted".into())) };
    let counts = inspect.pool_counts(&object).await.map_err(inspect_failure)?;
    Ok(match (counts.free, counts.cooling) {
        (0, 0) => ("full", format!("none of its {} addresses is free", counts.total)),
        (0, cooling) => {
            ("cooling", format!("its only free addresses ({cooling}) were released too recently"))
        }
        (free, _) => ("usable", format!("{free} of {} addresses are free", counts.total)),
    })
}

fn answer(explanation: Explanation, undeclared: bool, format: Format) -> Result<Answer, Failure> {
    let usable = explanation.error.is_none();
    let mut answer = match format {
        Format::Json | Format::Yaml => Answer::data(&explanation, format)?,
        Format::Name => {
            let usable = explanation.candidates.iter().filter(|candidate| candidate.verdict == "usable");
            Answer::text(usable.map(|candidate| candidate.pool.clone()).collect::<Vec<_>>().join("\n"))
        }
        Format::Table | Format::Wide => {
            let mut lines = vec![format!("Pod {}", explanation.pod)];
            if !explanation.source.is_empty() {
                lines.push(format!("Pools are named by: {}", explanation.source));
            }
            let mut table = Table::new(["INTERFACE", "VERSION", "POOL", "VERDICT", "REASON"]);
            for Candidate { interface, version, pool, verdict, reason } in &explanation.candidates {
                table.row([
                    interface.clone(),
                    version.to_string(),
                    pool.clone(),
                    (*verdict).into(),
                    reason.clone(),
                ]);
            }
            if !table.is_empty() {
                lines.push(table.to_string());
            }
            lines.extend(explanation.warnings.iter().map(|warning| format!("Warning: {warning}")));
            lines.extend(explanation.error.iter().map(|error| format!("No address: {error}")));
            Answer::text(lines.join("\n"))
        }
    };
    if undeclared {
        let note = format!(
            "note: pod {} is not declared: it is judged as one without labels and annotations",
            explanation.pod
        );
        answer = answer.note(note);
    }
    if !usable {
        answer.exit = Some(Exit::Refused);
    }
    Ok(answer)
}

/// What the store knows of a pod and around it.
struct Known {
    pod: Option<Arc<Resource>>,
    namespace: Option<Arc<Resource>>,
    controller: Option<spiderpool_core::model::Controller>,
    pools: PoolCatalog,
}

impl Known {
    async fn gather(objects: &StorePods, name: &NamespacedName) -> Result<Self, StoreError> {
        let pod = objects.pod(name).await?;
        let namespace = objects.namespace(&name.namespace, Sight::Fresh).await?;
        let own = pod.as_deref().and_then(controller_of).filter(|own| is_intermediate(own));
        let owner = match own {
            Some(own) => objects.owner(&name.namespace, own).await?,
            None => None,
        };
        let controller = pod.as_ref().and_then(|pod| top_controller(pod, |_, _| owner.as_deref().cloned()));
        let mut pools = PoolCatalog::new();
        for item in objects.0.list(&Selector::Kind(Kind::Pool)).await?.items {
            if let Some(pool) = item.document.as_pool() {
                // An object without a name cannot be named by anybody.
                let _ = pools.insert_object(pool);
            }
        }
        Ok(Self { pod, namespace, controller, pools })
    }

    fn node_name(&self) -> Option<NodeName> {
        let spec = self.pod.as_ref()?.rest.get("spec")?;
        spec.get("nodeName").and_then(Value::as_str).and_then(|node| NodeName::new(node).ok())
    }
}
