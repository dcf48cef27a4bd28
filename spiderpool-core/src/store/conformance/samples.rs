//! Documents of every kind to write and read.

use std::sync::Arc;

use super::Failure;
use crate::{
    addr::{Address, AddressRange, Family, IpSet},
    api::{
        Current, EndpointIP, EndpointStatus, IPPoolSpec, ObjectMeta, ReservedIPSpec, Resource,
        SpiderEndpoint, SpiderIPPool, SpiderReservedIP, SpiderSubnet, SubnetSpec,
    },
    model::{
        Attachment, Binding, Block, BlockBits, BlockId, Controller, Epoch, Owner, Plan, PlanId, Record,
        Scope, Slot,
    },
    name::{
        ContainerId, InterfaceName, NamespacedName, NetworkName, NodeName, ObjectName, OwnerUid, ScopeName,
        Uid,
    },
    store::{Document, Key, Kind, ResourceName},
    time::Timestamp,
};

/// A document with its key. Samples of the same kind and name with different versions differ in content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// Where it goes.
    pub key: Key,
    /// What goes there.
    pub document: Document,
}

/// `document` without what a server adds on its own: uid, generation, revision and times of its metadata.
#[must_use]
pub fn content(document: &Document) -> Document {
    fn bare(meta: &mut ObjectMeta) {
        meta.uid = None;
        meta.generation = None;
        meta.resource_version = None;
        meta.creation_timestamp = None;
    }
    let mut document = document.clone();
    match &mut document {
        Document::Subnet(body) => bare(&mut Arc::make_mut(body).metadata),
        Document::Pool(body) => bare(&mut Arc::make_mut(body).metadata),
        Document::Reservation(body) => bare(&mut Arc::make_mut(body).metadata),
        Document::Endpoint(body) => bare(&mut Arc::make_mut(body).metadata),
        Document::Resource(body) => bare(&mut Arc::make_mut(body).metadata),
        Document::Scope(_) | Document::Plan(_) | Document::Block(_) => {}
    }
    document
}

fn bad(error: impl std::fmt::Display) -> Failure {
    Failure::new(format!("a sample could not be made: {error}"))
}

fn named(name: &str, version: u32) -> ObjectMeta {
    let labels = [("app".to_owned(), "sample".to_owned())].into_iter().collect();
    let annotations = [("example.org/version".to_owned(), version.to_string())].into_iter().collect();
    ObjectMeta { name: name.into(), labels, annotations, ..ObjectMeta::default() }
}

/// A sample of `kind`; names that have a namespace are in `default`.
pub(super) fn sample(kind: Kind, name: &str, version: u32) -> Result<Sample, Failure> {
    let object = ObjectName::new(name).map_err(bad)?;
    let last_octet = version % 200;
    match kind {
        Kind::Scope => {
            let name = ScopeName::new(name).map_err(bad)?;
            let block_bits = BlockBits::new((version % 7) as u8).unwrap_or(BlockBits::MAX);
            let key = Key::Scope(name.clone());
            Ok(Sample { key, document: Scope { name, block_bits, format: 1 }.into() })
        }
        Kind::Subnet => {
            let spec = SubnetSpec {
                ip_version: Some(4),
                subnet: "10.0.0.0/16".into(),
                ips: vec![format!("10.0.0.1-10.0.1.{last_octet}")],
                ..SubnetSpec::default()
            };
            let document =
                SpiderSubnet { metadata: named(name, version), spec, ..SpiderSubnet::default() }.into();
            Ok(Sample { key: Key::Subnet(object), document })
        }
        Kind::Pool => {
            let spec = IPPoolSpec {
                ip_version: Some(6),
                subnet: "fd00::/64".into(),
                ips: vec![format!("fd00::1-fd00::{last_octet:x}")],
                exclude_ips: vec!["fd00::1".into()],
                gateway: Some("fd00::1".into()),
                ..IPPoolSpec::default()
            };
            let document =
                SpiderIPPool { metadata: named(name, version), spec, ..SpiderIPPool::default() }.into();
            Ok(Sample { key: Key::Pool(object), document })
        }
        Kind::Reservation => {
            let spec = ReservedIPSpec { ip_version: Some(4), ips: vec![format!("10.0.2.{last_octet}")] };
            let metadata = named(name, version);
            let document = SpiderReservedIP { metadata, spec, ..SpiderReservedIP::default() }.into();
            Ok(Sample { key: Key::Reservation(object), document })
        }
        Kind::Plan => plan(PlanId::Pool(Uid::new(name).map_err(bad)?), version),
        Kind::Block => block("default", Family::V4, u128::from(version) % 100, version),
        Kind::Endpoint => endpoint("default", name, "node-1", version),
        Kind::Resource => resource("default", name, version),
    }
}

pub(super) fn plan(id: PlanId, version: u32) -> Result<Sample, Failure> {
    let at =
        |value| Address::new(Family::V4, value).ok_or_else(|| Failure::new("an address beyond its family"));
    let first = 0x0a00_0000;
    let range = AddressRange::new(at(first)?, at(first + 1000 + u128::from(version))?).map_err(bad)?;
    let usable = IpSet::from_ranges(Family::V4, [range]).map_err(bad)?;
    let epoch = Epoch { birth: 7, n: version.into() };
    let plan = Plan { id: id.clone(), pool: None, epoch, usable, pending: Vec::new() };
    Ok(Sample { key: Key::Plan(id), document: plan.into() })
}

pub(super) fn record(version: u32) -> Result<Record, Failure> {
    let pod = NamespacedName {
        namespace: crate::name::Namespace::new("default").map_err(bad)?,
        name: ObjectName::new(format!("web-{version}")).map_err(bad)?,
    };
    Ok(Record {
        pool: Uid::new("0c9e66a4-5a0f-4b55-8a4a-5ad1d0b3a9f1").map_err(bad)?,
        owner: Owner { uid: OwnerUid::new(format!("uid-{version}")).map_err(bad)?, pod: Some(pod) },
        controller: Some(Arc::new(Controller {
            api_version: "apps/v1".into(),
            kind: "StatefulSet".into(),
            name: ObjectName::new("web").map_err(bad)?,
            uid: Uid::new("0c9e66a4-5a0f-4b55-8a4a-5ad1d0b3a9f2").map_err(bad)?,
        })),
        slot: Slot::Named(InterfaceName::new("eth0").map_err(bad)?),
        interface: Some(InterfaceName::new("eth0").map_err(bad)?),
        network: Some(NetworkName::new("kube-system/vlan6").map_err(bad)?),
        attachment: Attachment::Container(ContainerId::new(format!("container-{version}")).map_err(bad)?),
        node: NodeName::new("node-1").map_err(bad)?,
        binding: if version.is_multiple_of(2) { Binding::Stateless } else { Binding::Stateful },
        since: Timestamp::from_millis(1_700_000_000_000 + i64::from(version)),
    })
}

pub(super) const BLOCK_BITS: BlockBits = match BlockBits::new(4) {
    Some(bits) => bits,
    None => BlockBits::MAX,
};

/// A block that holds a few addresses, and has room.
pub(super) fn block(scope: &str, family: Family, index: u128, version: u32) -> Result<Sample, Failure> {
    filled_block(scope, family, index, 3, version)
}

/// A block whose first `held` addresses are held.
pub(super) fn filled_block(
    scope: &str,
    family: Family,
    index: u128,
    held: u8,
    version: u32,
) -> Result<Sample, Failure> {
    let id = BlockId { scope: ScopeName::new(scope).map_err(bad)?, family, index };
    let mut block = Block::empty(id.clone(), BLOCK_BITS);
    let whole = Plan {
        id: PlanId::Pool(Uid::new("0c9e66a4-5a0f-4b55-8a4a-5ad1d0b3a9f1").map_err(bad)?),
        pool: None,
        epoch: Epoch { birth: 7, n: version.into() },
        usable: IpSet::from_ranges(family, [block.range()]).map_err(bad)?,
        pending: Vec::new(),
    };
    block.install(&whole);
    for offset in 0..held {
        block.put(offset, Arc::new(record(version.wrapping_add(offset.into()))?));
    }
    if held > 2 {
        block.take(1, Some(Timestamp::from_millis(1_700_000_000_000)));
        block.put(1, Arc::new(record(version)?));
    }
    if held < BLOCK_BITS.size() - 1 {
        // One address that was held before.
        block.put(BLOCK_BITS.size() - 1, Arc::new(record(version)?));
        block.take(BLOCK_BITS.size() - 1, Some(Timestamp::from_millis(1_700_000_000_000)));
    }
    for _ in 0..version % 1000 {
        block.bump();
    }
    Ok(Sample { key: Key::Block(id), document: block.into() })
}

pub(super) fn endpoint(namespace: &str, name: &str, node: &str, version: u32) -> Result<Sample, Failure> {
    let key = NamespacedName {
        namespace: crate::name::Namespace::new(namespace).map_err(bad)?,
        name: ObjectName::new(name).map_err(bad)?,
    };
    let address = EndpointIP {
        interface: "eth0".into(),
        ipv4: Some(format!("10.0.0.{}/24", version % 200)),
        ipv4_pool: Some("default-v4".into()),
        ..EndpointIP::default()
    };
    let current = Current { uid: format!("uid-{version}"), node: node.into(), ips: vec![address] };
    let status = EndpointStatus { current, owner_controller_type: "Pod".into(), ..EndpointStatus::default() };
    let metadata = ObjectMeta { namespace: Some(namespace.into()), ..named(name, version) };
    Ok(Sample { key: Key::Endpoint(key), document: SpiderEndpoint { metadata, status }.into() })
}

pub(super) fn resource(namespace: &str, name: &str, version: u32) -> Result<Sample, Failure> {
    let key = NamespacedName {
        namespace: crate::name::Namespace::new(namespace).map_err(bad)?,
        name: ObjectName::new(name).map_err(bad)?,
    };
    let spec = serde_json::json!({ "nodeName": "node-1", "hostname": format!("v{version}") });
    let body = Resource {
        api_version: "v1".into(),
        kind: "Pod".into(),
        metadata: ObjectMeta { namespace: Some(namespace.into()), ..named(name, version) },
        rest: [("spec".to_owned(), spec)].into_iter().collect(),
    };
    Ok(Sample { key: Key::pod(&key), document: body.into() })
}

/// A resource without a namespace.
pub(super) fn cluster_resource(kind: &str, group: Option<&str>, name: &str) -> Result<Sample, Failure> {
    let key = ResourceName {
        kind: ObjectName::new(kind).map_err(bad)?,
        group: group.map(ObjectName::new).transpose().map_err(bad)?,
        namespace: None,
        name: ObjectName::new(name).map_err(bad)?,
    };
    let api_version = group.map_or("v1".to_owned(), |group| format!("{group}/v1"));
    let body = Resource { api_version, kind: kind.into(), metadata: named(name, 1), ..Resource::default() };
    Ok(Sample { key: Key::Resource(key), document: body.into() })
}

/// One sample of every kind.
///
/// # Errors
/// `name` is not a name.
pub fn every_kind(name: &str, version: u32) -> Result<Vec<Sample>, Failure> {
    Kind::ALL.into_iter().map(|kind| sample(kind, name, version)).collect()
}
