//! ADD: ask for addresses, answer them in the asked version's layout.

use super::answer::{self, Said};
use super::call::AttachmentCall;
use super::client::{self, Method};
use super::master;
use crate::api::{AddRequest, AddResponse, path};
use crate::cni::{CniError, CniResult, Code, RequestedIp, ResultRoute};
use crate::netns::NamespaceId;
use std::time::Duration;

/// The agent's answer needs some time to come back; it is told to be done this much earlier.
const WAY_BACK: Duration = Duration::from_secs(1);

/// Joins what was asked for in several places: the same address once, one address of each family at most.
fn requested(call: &AttachmentCall) -> Result<Vec<RequestedIp>, CniError> {
    let mut ips: Vec<RequestedIp> = Vec::new();
    for ip in call.args_ips.iter().chain(&call.conf.ips) {
        match ips.iter_mut().find(|other| other.address.is_ipv4() == ip.address.is_ipv4()) {
            None => ips.push(*ip),
            Some(other) if other.address == ip.address && (other.prefix.is_none() || ip.prefix.is_none()) => {
                other.prefix = other.prefix.or(ip.prefix);
            }
            Some(other) if other == ip => {}
            Some(other) => {
                return Err(CniError::new(
                    Code::InvalidConfig,
                    format!(
                        "{other} and {ip} are asked for, but an interface has one address of each family"
                    ),
                    "Ask for one of them in CNI_ARGS (IP=), runtimeConfig.ips or args.cni.ips.",
                ));
            }
        }
    }
    Ok(ips)
}

pub(super) fn run(call: &AttachmentCall) -> Result<Vec<u8>, CniError> {
    let ipam = &call.conf.ipam;
    let deadline = call.deadline.remaining().unwrap_or_default().saturating_sub(WAY_BACK);
    let namespace = call.attachment.net_namespace.as_deref();
    let master_addresses = match ipam.match_master_subnet {
        true => master::addresses(&call.conf.parent()?)?,
        false => Vec::new(),
    };
    let request = AddRequest {
        attachment: call.attachment.clone(),
        net_namespace_id: namespace.and_then(|path| NamespaceId::at(path.as_ref()).ok()),
        ipv4_pools: ipam.ipv4_pools.clone(),
        ipv6_pools: ipam.ipv6_pools.clone(),
        clean_gateway: ipam.clean_gateway,
        match_master_subnet: ipam.match_master_subnet,
        master_addresses,
        requested_ips: requested(call)?,
        deadline_millis: u64::try_from(deadline.as_millis()).ok(),
    };
    let body = super::encode(&request)?;
    call.log.debug(&format!("asking {}: {}", ipam.socket.display(), String::from_utf8_lossy(&body)));
    let response = client::call(&ipam.socket, Method::Post, path::IP, &body, call.deadline)
        .map_err(|error| answer::no_answer(&ipam.socket, error))?;
    let answered: AddResponse = match answer::read(&ipam.socket, response)? {
        Said::Yes(body) => answer::body(&ipam.socket, &body)?,
        Said::No(body) => return Err(answer::refusal(body)),
    };

    let interface = &call.attachment.if_name;
    let routes = answered.routes.into_iter().filter(|route| route.if_name == *interface);
    let routes = routes.map(|route| ResultRoute { dst: route.dst, gw: Some(route.gw) }).collect();
    let mut result = CniResult::new(call.conf.version, routes, answered.dns);
    let mut granted = Vec::new();
    for ip in answered.ips.into_iter().filter(|ip| ip.nic == *interface) {
        granted.push(format!("{} of pool {}", ip.address, ip.ip_pool));
        result.push(ip.address.address, ip.address.prefix, ip.gateway);
    }
    if result.is_empty() {
        return Err(answer::protocol(&ipam.socket, &format!("granted no address for interface {interface}")));
    }
    call.log.info(&format!("granted {}", granted.join(", ")));
    Ok(result.to_json())
}
