//! The chart: what it says of itself, and what Helm makes of it. Installations are in tests/nodes.
#![expect(clippy::unwrap_used, reason = "tests")]

mod rendered;

#[path = "../../examples/chart/main.rs"]
#[allow(dead_code, reason = "its main function is not called")]
mod values;

use std::{collections::BTreeSet, fs, path::Path};

use clap::Parser;
use rendered::{Helm, chart, documents, named};
use rstest::rstest;
use serde_json::{Value, json};

/// The parameters that the documentation of upstream's chart names.
const DOCUMENTED: &str = include_str!("documented.txt");

/// What upstream's later charts call the parameters that have moved.
const MOVED: [&str; 9] = [
    "global.cniBinHostPath",
    "ipam.enableIPv4",
    "ipam.enableIPv6",
    "ipam.enableStatefulSet",
    "ipam.gc.enabled",
    "ipam.gc.gcDeletingTimeOutPodDelay",
    "ipam.gc.statelessPod.zombieOnReadyNode",
    "spiderpoolAgent.httpPort",
    "spiderpoolController.httpPort",
];

fn parameters() -> values::Parameters {
    values::parameters(&fs::read_to_string(chart().join("values.yaml")).unwrap()).unwrap()
}

#[test]
fn every_documented_parameter_is_there_under_its_name() {
    let parameters = parameters();
    let known: BTreeSet<&str> = parameters.all().map(|parameter| parameter.name.as_str()).collect();
    let later: BTreeSet<&str> = parameters.later.iter().map(|later| later.name.as_str()).collect();
    assert_eq!(DOCUMENTED.lines().count(), 116);
    for name in DOCUMENTED.lines() {
        assert!(known.contains(name), "{name}");
    }
    for name in MOVED {
        assert!(known.contains(name) || later.contains(name), "{name}");
    }
    for later in &parameters.later {
        assert!(known.contains(later.of.as_str()), "{later:?}");
    }
}

#[test]
fn readme_and_schema_are_as_they_are_written() {
    let fresh = tempfile::tempdir().unwrap();
    values::write(fresh.path(), &parameters()).unwrap();
    for name in ["README.md", "values.schema.json"] {
        let read = |folder: &Path| fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(read(fresh.path()) == read(&chart()), "{name} is out of date: run `cargo xtask chart`");
    }
}

#[test]
fn it_passes_helm_lint() {
    let Some(helm) = Helm::find("chart: lint") else { return };
    helm.lint();
}

/// What a set of values has to make, besides what there always is.
#[rstest]
#[case::by_default(&[], &[])]
#[case::v4_alone(&["feature.enableIPv6=false", "clusterDefaultPool.installIPv4IPPool=true", "clusterDefaultPool.ipv4Subnet=10.0.0.0/24", "clusterDefaultPool.ipv4IPRanges={10.0.0.2-10.0.0.9}"], &["Job/spiderpool-init"])]
#[case::no_pool_of_a_family_that_is_off(&["ipam.enableIPv4=false", "clusterDefaultPool.installIPv4IPPool=true", "clusterDefaultPool.ipv4Subnet=10.0.0.0/24"], &[])]
#[case::provided(&["spiderpoolController.tls.method=provided", "spiderpoolController.tls.provided.tlsCert=YQ==", "spiderpoolController.tls.provided.tlsKey=YQ==", "spiderpoolController.tls.provided.tlsCa=YQ=="], &["Secret/spiderpool-controller-server-certs"])]
#[case::certmanager(&["spiderpoolController.tls.method=certmanager"], &["Issuer/spiderpool-controller-selfsigned", "Certificate/spiderpool-controller-ca", "Issuer/spiderpool-controller-ca", "Certificate/spiderpool-controller-server-certs"])]
#[case::certmanager_with_an_issuer(&["spiderpoolController.tls.method=certmanager", "spiderpoolController.tls.certmanager.issuerName=ours"], &["Certificate/spiderpool-controller-server-certs"])]
#[case::monitored(&["spiderpoolAgent.prometheus.enabled=true", "spiderpoolAgent.prometheus.serviceMonitor.install=true", "spiderpoolAgent.prometheus.prometheusRule.install=true", "spiderpoolController.prometheus.enabled=true", "spiderpoolController.prometheus.serviceMonitor.install=true", "grafanaDashboard.install=true"], &["Service/spiderpool-agent", "ServiceMonitor/spiderpool-agent", "ServiceMonitor/spiderpool-controller", "PrometheusRule/spiderpool", "ConfigMap/spiderpool-dashboard"])]
#[case::several(&["spiderpoolController.replicas=3", "spiderpoolController.podDisruptionBudget.enabled=true", "spiderpoolController.hostnetwork=false", "spiderpoolController.networkPolicy.enabled=true"], &["PodDisruptionBudget/spiderpool-controller", "NetworkPolicy/spiderpool-controller"])]
fn it_makes_what_values_ask_for(#[case] values: &[&str], #[case] besides: &[&str]) {
    let Some(helm) = Helm::find("chart: template") else { return };
    let always: BTreeSet<String> = named(&helm.rendered(&[])).into_keys().collect();
    let made: BTreeSet<String> = named(&helm.rendered(values)).into_keys().collect();
    let more: BTreeSet<&str> = made.difference(&always).map(String::as_str).collect();
    assert_eq!(more, besides.iter().copied().collect());
    assert!(made.is_superset(&always), "{:?}", always.difference(&made));
}

/// cert-manager renews after two thirds of the time, and does not sign anew what a CA has signed that it renews.
#[rstest]
#[case::by_default(365)]
#[case::for_a_day(1)]
#[case::for_long(9000)]
fn what_the_charts_ca_signs_runs_out_before_the_ca_does(#[case] days: u64) {
    let Some(helm) = Helm::find("chart: cert-manager") else { return };
    let days = format!("spiderpoolController.tls.certmanager.certValidityDuration={days}");
    let made = named(&helm.rendered(&["spiderpoolController.tls.method=certmanager", &days]));
    let hours = |name: &str| -> u64 {
        let duration = made[&format!("Certificate/{name}")]["spec"]["duration"].as_str().unwrap();
        duration.strip_suffix('h').unwrap().parse().unwrap()
    };
    let (signed, ca) = (hours("spiderpool-controller-server-certs"), hours("spiderpool-controller-ca"));
    assert!(ca / 3 >= signed, "{ca} h, {signed} h");
}

#[rstest]
#[case::a_typo(&["spiderpoolAgent.imagee.tag=x"], "imagee")]
#[case::a_word_that_is_none(&["spiderpoolController.tls.method=letsencrypt"], "method")]
#[case::a_port_that_is_none(&["spiderpoolController.webhookPort=70000"], "webhookPort")]
#[case::no_certificate(&["spiderpoolController.tls.method=provided"], "tls.provided.tlsCa is empty")]
#[case::no_network(&["clusterDefaultPool.installIPv4IPPool=true"], "ipv4Subnet is empty")]
fn it_refuses(#[case] values: &[&str], #[case] says: &str) {
    let Some(helm) = Helm::find("chart: refusals") else { return };
    let refused = helm.refused(values);
    assert!(refused.contains(says), "{refused}");
}

/// The rights under which the tests of both programs run are those that are shipped.
#[rstest]
#[case::agent("agent-rbac.yaml")]
#[case::controller("controller-rbac.yaml")]
#[case::webhooks("controller-webhooks.yaml")]
fn it_ships_what_the_tests_run_under(#[case] file: &str) {
    let Some(helm) = Helm::find("chart: rights") else { return };
    let shipped = named(&helm.rendered(&[]));
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/kubernetes").join(file);
    for (name, mut example) in named(&documents(&fs::read_to_string(examples).unwrap())) {
        let shipped_name = name.replace("-kruise-and-argo", "-third-party-groups");
        let mut object =
            shipped.get(&shipped_name).unwrap_or_else(|| panic!("{name} is not shipped")).clone();
        if name == "Service/spiderpool-controller" {
            continue;
        }
        for object in [&mut object, &mut example] {
            let metadata = object["metadata"].as_object_mut().unwrap();
            metadata.remove("annotations");
            let labels = metadata.remove("labels").unwrap_or_default();
            let kept: BTreeSet<String> =
                labels.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
            let aggregates = kept.into_iter().filter(|key| key.contains("aggregate")).collect::<Vec<_>>();
            object["aggregates"] = json!(aggregates);
            object["metadata"]["name"] = Value::Null;
            if let Some(webhooks) = object["webhooks"].as_array_mut() {
                webhooks.sort_by_key(|webhook| webhook["name"].to_string());
            }
        }
        assert_eq!(object, example, "{name}");
    }
}

#[test]
fn later_names_go_before_the_documented_ones() {
    let Some(helm) = Helm::find("chart: later names") else { return };
    let values = [
        "ipam.enableIPv6=false",
        "ipam.gc.enabled=false",
        "ipam.gc.gcDeletingTimeOutPodDelay=7",
        "global.cniBinHostPath=/usr/lib/cni",
        "spiderpoolAgent.httpPort=6000",
    ];
    let made = named(&helm.rendered(&values));
    let agent = made["DaemonSet/spiderpool-agent"].to_string();
    for part in [r#""value":"7""#, "/usr/lib/cni", "--health-addr=127.0.0.1:6000", r#""port":6000"#] {
        assert!(agent.contains(part), "{part} in {agent}");
    }
    assert!(
        made["ConfigMap/spiderpool-conf"]["data"]["conf.yml"].as_str().unwrap().contains("enableIPv6: false")
    );
}

/// Arguments and configuration are what the programs understand.
#[test]
fn the_programs_understand_what_it_tells_them() {
    let Some(helm) = Helm::find("chart: arguments") else { return };
    let made = named(&helm.rendered(&["spiderpoolController.tls.auto.extraDnsNames={a.example,b.example}"]));
    let arguments = |object: &str, init: &str| {
        let containers = made[object]["spec"]["template"]["spec"][init].clone();
        let container = &containers[0];
        let command =
            container["command"].as_array().unwrap().iter().chain(container["args"].as_array().unwrap());
        command.map(|word| word.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let agent = |init| {
        let words = arguments("DaemonSet/spiderpool-agent", init).into_iter();
        // This test is built without that store.
        spiderpool_cni::agent::Settings::try_parse_from(words.filter(|word| word != "--store=kube")).unwrap()
    };
    assert_eq!(agent("containers").sweep_reach, spiderpool_cni::node::Reach::OwnNode);
    assert!(matches!(
        agent("initContainers").command,
        Some(spiderpool_cni::agent::Command::InstallPlugin { .. })
    ));
    for object in ["Deployment/spiderpool-controller", "Job/spiderpool-init-clean"] {
        spiderpool_operator::process::Settings::try_parse_from(arguments(object, "containers")).unwrap();
    }
    let configuration = made["ConfigMap/spiderpool-conf"]["data"]["conf.yml"].as_str().unwrap();
    let known: Value = serde_saphyr::from_str(configuration).unwrap();
    let documented = include_str!("../../../docs/configuration.md");
    for key in known.as_object().unwrap().keys() {
        assert!(documented.contains(&format!("| `{key}` |")), "{key}");
    }
}
