//! `CNI_ARGS`: `KEY=VALUE` pairs between semicolons.

use super::{CniError, Code, RequestedIp};

/// What `CNI_ARGS` says. A key without a value counts as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CniArgs {
    /// `K8S_POD_NAME` and `K8S_POD_NAMESPACE`, which come together.
    pub pod: Option<PodName>,
    /// `K8S_POD_UID`.
    pub pod_uid: Option<String>,
    /// `K8S_POD_INFRA_CONTAINER_ID`; kept for the log.
    pub infra_container_id: Option<String>,
    /// `IP`: one address, or several between commas.
    pub ips: Vec<RequestedIp>,
}

/// A pod by name, as the runtime says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodName {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

fn malformed(msg: String, details: &str) -> CniError {
    CniError::new(Code::InvalidEnvironment, format!("CNI_ARGS: {msg}"), details)
}

/// The longest value that a Kubernetes name or UID may have.
const MAX_NAME: usize = 253;

fn kubernetes_name(key: &str, value: &str) -> Result<Option<String>, CniError> {
    if value.is_empty() {
        return Ok(None);
    }
    let plain = value.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
    if value.len() > MAX_NAME || !plain {
        let details = "At most 253 visible ASCII characters without '/' are allowed.";
        return Err(malformed(format!("{key} is not a Kubernetes name"), details));
    }
    Ok(Some(value.to_owned()))
}

impl CniArgs {
    /// Reads `CNI_ARGS`. Keys that are not known are an error unless `IgnoreUnknown=1` is among the pairs, as
    /// in `libcni`.
    pub fn parse(text: &str) -> Result<Self, CniError> {
        let mut args = Self::default();
        let (mut name, mut namespace) = (None, None);
        let mut unknown = Vec::new();
        let mut ignore_unknown = false;
        for pair in text.split(';').filter(|pair| !pair.trim().is_empty()) {
            let Some((key, value)) = pair.split_once('=').filter(|(_, value)| !value.contains('=')) else {
                return Err(malformed(
                    format!("{:?} is not a KEY=VALUE pair", pair.chars().take(80).collect::<String>()),
                    "Pairs are written KEY=VALUE and stand between semicolons.",
                ));
            };
            match key {
                "K8S_POD_NAME" => name = kubernetes_name(key, value)?,
                "K8S_POD_NAMESPACE" => namespace = kubernetes_name(key, value)?,
                "K8S_POD_UID" => args.pod_uid = kubernetes_name(key, value)?,
                "K8S_POD_INFRA_CONTAINER_ID" => args.infra_container_id = kubernetes_name(key, value)?,
                "IP" => {
                    for ip in value.split(',').filter(|ip| !ip.is_empty()) {
                        let details = "Write IP=10.6.0.5 or IP=10.6.0.5/24, several with a comma between.";
                        let ip = ip.parse().map_err(|error| malformed(format!("IP: {error}"), details))?;
                        args.ips.push(ip);
                    }
                }
                "IgnoreUnknown" => {
                    ignore_unknown = match value.to_ascii_lowercase().as_str() {
                        "1" | "true" => true,
                        "0" | "false" => false,
                        _ => {
                            let details = "Write IgnoreUnknown=1 or IgnoreUnknown=0.";
                            return Err(malformed("IgnoreUnknown is neither 1 nor 0".into(), details));
                        }
                    }
                }
                other => unknown.push(other.chars().take(80).collect::<String>()),
            }
        }
        if !unknown.is_empty() && !ignore_unknown {
            const SHOWN: usize = 8;
            let more = if unknown.len() > SHOWN { " and more" } else { "" };
            unknown.truncate(SHOWN);
            return Err(malformed(
                format!("unknown keys {}{more}", unknown.join(", ")),
                "Add IgnoreUnknown=1 to have keys for other plugins passed over.",
            ));
        }
        args.pod = match (namespace, name) {
            (Some(namespace), Some(name)) => Some(PodName { namespace, name }),
            (None, None) => None,
            _ => {
                return Err(malformed(
                    "K8S_POD_NAME and K8S_POD_NAMESPACE are given one without the other".into(),
                    "Give both, or neither for a container that is no pod.",
                ));
            }
        };
        Ok(args)
    }
}

#[cfg(test)]
mod tests {
    use super::{CniArgs, PodName};
    use rstest::rstest;

    #[test]
    fn what_kubelet_says() {
        let args = CniArgs::parse(
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=abc;\
             K8S_POD_UID=2f3f;IP=10.6.0.5/24,fd00::5;MAC=00:11:22:33:44:55",
        )
        .unwrap();
        assert_eq!(args.pod, Some(PodName { namespace: "default".into(), name: "web-0".into() }));
        assert_eq!(args.pod_uid.as_deref(), Some("2f3f"));
        assert_eq!(args.infra_container_id.as_deref(), Some("abc"));
        assert_eq!(args.ips, ["10.6.0.5/24".parse().unwrap(), "fd00::5".parse().unwrap()]);
    }

    #[rstest]
    #[case("")]
    #[case(";")]
    #[case("IP=")]
    #[case("K8S_POD_NAME=;K8S_POD_NAMESPACE=;K8S_POD_UID=")]
    #[case("IgnoreUnknown=TRUE;FOO=bar;")]
    fn nothing_said(#[case] text: &str) {
        assert_eq!(CniArgs::parse(text).unwrap(), CniArgs::default());
    }

    #[rstest]
    #[case("K8S_POD_NAME", "not a KEY=VALUE pair")]
    #[case("K8S_POD_NAME=a=b", "not a KEY=VALUE pair")]
    #[case("K8S_POD_NAME=a", "one without the other")]
    #[case("K8S_POD_NAMESPACE=a", "one without the other")]
    #[case("K8S_POD_NAMESPACE=a/b;K8S_POD_NAME=c", "not a Kubernetes name")]
    #[case("FOO=bar;IP=10.0.0.1", "unknown keys FOO")]
    #[case("FOO=bar;IgnoreUnknown=0", "unknown keys FOO")]
    #[case("IgnoreUnknown=maybe", "neither 1 nor 0")]
    #[case("IP=10.0.0.256", "not an IP address")]
    #[case("IP=10.0.0.1/64", "not an IP address")]
    fn malformed(#[case] text: &str, #[case] says: &str) {
        let error = CniArgs::parse(text).unwrap_err();
        assert_eq!(error.code.number(), 4);
        assert!(error.msg.contains(says), "{error}");
        assert!(!error.details.is_empty());
    }
}
