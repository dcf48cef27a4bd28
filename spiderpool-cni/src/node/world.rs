//! What selection depends on, gathered for one request.

use super::ask::Ask;
use super::pools::KnownPools;
use super::{Node, NodeConfig, Offer, Sight, failure};
use crate::api::ErrorBody;
use crate::cni::RequestedIp;
use spiderpool_core::addr::Address;
use spiderpool_core::api::{Resource, Warning, keys};
use spiderpool_core::model::{Binding, Controller, Route};
use spiderpool_core::name::{InterfaceName, NamespacedName, OwnerUid};
use spiderpool_core::select::{
    Facts, NamespaceFacts, NetworkConfig, NodeFacts, Ordinals, PodFacts, SelectError, binding, controller_of,
    death, is_intermediate, top_controller,
};
use spiderpool_core::store::StoreError;
use spiderpool_core::validate::annotations;
use std::sync::Arc;

/// What is known of a request's pod, namespace, node and pools.
#[derive(Debug)]
pub(super) struct World {
    pub(super) pod_name: Option<NamespacedName>,
    /// The pod, if anybody declared it.
    pub(super) pod: Option<Arc<Resource>>,
    pub(super) controller: Option<Controller>,
    pub(super) binding: Binding,
    pub(super) pools: Arc<KnownPools>,
    offer: Offer,
    namespace: Option<Arc<Resource>>,
    node: Option<Arc<Resource>>,
}

/// What a request says about pools and addresses.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) config: NetworkConfig,
    pub(super) requested: Vec<Address>,
    /// Of the parent interface.
    pub(super) master: Vec<Address>,
}

impl Wanted {
    pub(super) fn read(
        ipv4: &[String],
        ipv6: &[String],
        requested: &[RequestedIp],
    ) -> Result<Self, ErrorBody> {
        let pools = NetworkConfig::parse_pools(ipv4, ipv6).map_err(|violations| {
            let message = format!("the CNI configuration names pools wrongly: {violations}");
            let details = "Correct default_ipv4_ippool and default_ipv6_ippool.";
            ErrorBody::new(crate::api::ErrorCode::WrongInput, message, details)
        })?;
        let config = NetworkConfig { pools, ..NetworkConfig::default() };
        let requested = requested.iter().map(|ip| ip.address.into()).collect();
        Ok(Self { config, requested, master: Vec::new() })
    }
}

impl World {
    /// The facts for selection.
    pub(super) fn facts<'a>(
        &'a self,
        config: &'a NodeConfig,
        interface: &'a InterfaceName,
        wanted: &'a Wanted,
    ) -> Facts<'a> {
        let pod = self.pod_name.as_ref().map(|name| match &self.pod {
            Some(pod) => PodFacts::new(name, pod, self.controller.as_ref()),
            None => PodFacts::undeclared(name),
        });
        let node = match &self.node {
            Some(node) => NodeFacts { name: &config.node, labels: &node.metadata.labels },
            None => NodeFacts::undeclared(&config.node),
        };
        Facts {
            interface,
            position: None,
            pod,
            namespace: self.namespace.as_deref().map(NamespaceFacts::from).unwrap_or_default(),
            node,
            config: &wanted.config,
            families: self.offer.families,
            pools: &self.pools.catalog,
            requested: &wanted.requested,
            cluster_network: config.cluster_network.as_ref(),
            home: &config.home,
            master_addresses: &wanted.master,
            auto_pools: self.offer.auto_pools,
        }
    }

    /// The routes that the pod's annotation asks for.
    pub(super) fn custom_routes(
        &self,
        ask: &Ask,
        warnings: &mut Vec<Warning>,
    ) -> Result<Vec<Route>, ErrorBody> {
        let text = self.pod.as_ref().and_then(|pod| pod.metadata.annotations.get(keys::ROUTES));
        let Some(text) = text else { return Ok(Vec::new()) };
        annotations::routes(text, warnings).map_err(|found| {
            let object =
                self.pod_name.as_ref().map_or_else(|| "the pod".into(), |name| format!("pod {name}"));
            failure::select(ask, &SelectError::WrongInput { object, found })
        })
    }

    /// The uid the pod is declared with.
    pub(super) fn declared_uid(&self) -> Option<OwnerUid> {
        OwnerUid::new(self.pod.as_ref()?.metadata.uid.as_deref()?).ok()
    }
}

/// Annotations of a mirror pod that hold the uid the kubelet gives a static pod.
const STATIC_POD_UID: [&str; 2] = ["kubernetes.io/config.hash", "kubernetes.io/config.mirror"];

/// Whether `pod` is the incarnation that the runtime calls `uid`.
pub(super) fn is_incarnation(pod: &Resource, uid: &OwnerUid) -> bool {
    let own = pod.metadata.uid.as_deref();
    own.is_none_or(|own| own == uid.as_str())
        || STATIC_POD_UID
            .iter()
            .any(|key| pod.metadata.annotations.get(*key).is_some_and(|hash| hash == uid.as_str()))
}

impl Node {
    /// Gathers what is known for a request of this pod, and of its incarnation `uid` where that is known.
    pub(super) async fn world(
        &self,
        pod_name: Option<NamespacedName>,
        uid: Option<&OwnerUid>,
        sight: Sight,
    ) -> Result<World, ErrorBody> {
        self.gather(pod_name, uid, sight)
            .await
            .map_err(|error| failure::store("what is known of the pod cannot be read", &error))
    }

    async fn gather(
        &self,
        pod_name: Option<NamespacedName>,
        uid: Option<&OwnerUid>,
        sight: Sight,
    ) -> Result<World, StoreError> {
        let offer = self.offer.read().clone();
        let pools = match sight {
            Sight::AtHand => self.pools.at_hand().await?,
            Sight::Fresh => self.pools.now().await?,
        };
        let node = self.pods.node(&self.config.node, sight).await?;
        let Some(name) = pod_name else {
            let binding = Binding::Stateless;
            return Ok(World {
                pod_name: None,
                pod: None,
                controller: None,
                binding,
                pools,
                offer,
                namespace: None,
                node,
            });
        };
        let namespace = self.pods.namespace(&name.namespace, sight).await?;
        // One at hand that is another incarnation, or is ending, may be a moment old.
        let at_hand = uid.filter(|_| sight == Sight::AtHand).and_then(|uid| {
            self.pods.at_hand(&name).filter(|pod| is_incarnation(pod, uid) && death(pod).is_none())
        });
        let pod = match at_hand {
            Some(pod) => Some(pod),
            None => self.pods.pod(&name).await?,
        };
        let (mut controller, mut binding) = (None, Binding::Stateless);
        if let Some(pod) = &pod {
            (controller, binding) = self.controller(&name, pod, &offer).await?;
        }
        Ok(World { pod_name: Some(name), pod, controller, binding, pools, offer, namespace, node })
    }

    /// The pod's top controller, and whether its addresses outlive it.
    async fn controller(
        &self,
        name: &NamespacedName,
        pod: &Resource,
        offer: &Offer,
    ) -> Result<(Option<Controller>, Binding), StoreError> {
        let is_stateful = |controller: &Controller| offer.stateful.contains(controller);
        let mut controller = top_controller(pod, |_, _| None);
        let mut owner = None;
        if let Some(reference) = controller_of(pod) {
            let has_above = is_intermediate(reference);
            // Of most kinds nothing but the reference is needed, and reading some may not be allowed here.
            if has_above || controller.as_ref().is_some_and(is_stateful) {
                owner = self.pods.owner(&name.namespace, reference).await?;
            }
            if has_above {
                controller = top_controller(pod, |_, _| owner.as_deref().cloned());
            }
        }
        let own = controller.as_ref().filter(|controller| is_stateful(controller));
        // The controller of a stateful pod owns it directly, so its object is at hand.
        let ordinals = own.and(owner.as_deref()).map(Ordinals::of);
        let binding = binding(controller.as_ref(), &name.name, ordinals.as_ref(), &offer.stateful);
        Ok((controller, binding))
    }
}
