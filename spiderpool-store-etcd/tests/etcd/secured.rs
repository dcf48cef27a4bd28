//! Certificates, users and passwords.

use std::time::Duration;

use etcd_client::{Client, ConnectOptions, Permission};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
};
use spiderpool_core::{
    env::Env,
    store::{Kind, Selector, Store, StoreError},
};
use spiderpool_store_etcd::{EtcdConfig, EtcdCredentials, EtcdStore, EtcdTls};
use spiderpool_testbed::{Etcd, EtcdOptions, loopback, or_skip};
use tempfile::TempDir;

use crate::world::{config, connect, etcd, members, put, raw, runtime};

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for this process' address and its key.
    fn sign(&self, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = vec![SanType::IpAddress(loopback())];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// The error of a connection that must not come about.
fn refused(config: &EtcdConfig) -> String {
    let config = config.clone().with_timeout(Duration::from_secs(2));
    match runtime().block_on(EtcdStore::connect(&config, &Env::system())) {
        Err(StoreError::Unavailable { message, .. }) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn certificates_are_asked_for_on_both_sides() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (certificate, key) = ours.sign(ExtendedKeyUsagePurpose::ServerAuth);
    let tls = spiderpool_testbed::EtcdTls {
        client_ca: file("ca.crt", &ours.pem()),
        certificate: file("server.crt", &certificate),
        key: file("server.key", &key),
    };
    let options = EtcdOptions { tls: Some(tls), ..EtcdOptions::members(1) };
    let Some(etcd) = or_skip("store-etcd: TLS", Etcd::start(&options)) else { return };

    let plain = config(&etcd);
    let client = |by: &Authority| {
        let (certificate, key) = by.sign(ExtendedKeyUsagePurpose::ClientAuth);
        Some((certificate.into_bytes(), key.into_bytes()))
    };
    let tls = |authority: &Authority, identity| {
        plain.clone().with_tls(EtcdTls { authority: authority.pem().into_bytes(), identity })
    };
    runtime().block_on(async {
        let store = connect(&tls(&ours, client(&ours))).await;
        put(&store, "secret").await.unwrap();
        assert_eq!(store.list(&Selector::Kind(Kind::Pool)).await.unwrap().items.len(), 1);
    });
    let untrusted = refused(&tls(&theirs, client(&ours)));
    assert!(untrusted.contains("certificate"), "a server that others vouch for: {untrusted}");
    for config in [tls(&ours, None), tls(&ours, client(&theirs)), plain.clone()] {
        let message = refused(&config);
        assert!(message.contains(&etcd.client_address(0).to_string()), "it names no member: {message}");
    }
    let garbage = EtcdTls { authority: b"not a certificate".to_vec(), identity: None };
    let message = refused(&plain.clone().with_tls(garbage));
    assert!(message.contains(&etcd.client_address(0).to_string()), "{message}");
}

#[test]
fn users_get_what_they_may_have_and_tokens_are_renewed() {
    let Some(mut etcd) = etcd("users", 1) else { return };
    let plain = config(&etcd);
    let runtime = runtime();
    runtime.block_on(async {
        let mut client = raw(&members(&etcd)).await;
        client.role_add("root").await.unwrap();
        client.user_add("root", "root-secret", None).await.unwrap();
        client.user_grant_role("root", "root").await.unwrap();
        client.role_add("spiderpool").await.unwrap();
        let permission = Permission::read_write(plain.url.prefix()).with_prefix();
        client.role_grant_permission("spiderpool", permission).await.unwrap();
        client.user_add("agent", "agent-secret", None).await.unwrap();
        client.user_grant_role("agent", "spiderpool").await.unwrap();
        client.auth_enable().await.unwrap();
    });
    let as_user = |config: &EtcdConfig, user: &str, password: &str| {
        config.clone().with_credentials(EtcdCredentials { user: user.into(), password: password.into() })
    };
    let good = as_user(&plain, "agent", "agent-secret");
    let store = runtime.block_on(connect(&good));
    runtime.block_on(put(&store, "mine")).unwrap();

    let message = refused(&as_user(&plain, "agent", "wrong"));
    assert!(message.contains("check user and password"), "{message}");
    let message = refused(&plain);
    assert!(message.contains("give user and password"), "{message}");
    let elsewhere = EtcdConfig::at(format!("{}/elsewhere", etcd.url()).parse().unwrap());
    let message = refused(&as_user(&elsewhere, "agent", "agent-secret"));
    assert!(message.contains("grant the user a role"), "{message}");

    // A member that was restarted has forgotten all tokens.
    etcd.restart(0).unwrap();
    runtime.block_on(async {
        let listed = store.list(&Selector::Kind(Kind::Pool)).await.unwrap();
        put(&store, "mine-too").await.unwrap();
        assert_eq!(listed.items.len(), 1);
        // A password that was changed is told, and the write that met it had no effect.
        let root = ConnectOptions::new().with_user("root", "root-secret");
        let mut root = Client::connect([etcd.client_address(0).to_string()], Some(root)).await.unwrap();
        root.role_revoke_permission(
            "spiderpool",
            plain.url.prefix(),
            Some(etcd_client::RoleRevokePermissionOptions::new().with_prefix()),
        )
        .await
        .unwrap();
        let denied = put(&store, "not-mine").await;
        assert!(
            matches!(&denied, Err(StoreError::Unavailable { message, .. }) if message.contains("role")),
            "{denied:?}"
        );
    });
}
