//! `docs/agent-api.md` says what the types say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use spiderpool_cni::api::{self, ErrorBody, ErrorCode, path};
use std::collections::BTreeSet;

const DOC: &str = include_str!("../../docs/agent-api.md");

/// The blocks of the document that are fenced as "json NAME".
fn examples() -> Vec<(&'static str, &'static str)> {
    DOC.split("\n```json ")
        .skip(1)
        .map(|rest| {
            let (name, rest) = rest.split_once('\n').unwrap();
            (name, rest.split_once("\n```").unwrap().0)
        })
        .collect()
}

/// Every field of the example is one of the type's, and none of those that are written is left out.
fn assert_same<T: DeserializeOwned + Serialize>(text: &str) {
    let written: Value = serde_json::from_str(text).unwrap();
    let value: T = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(serde_json::to_value(value).unwrap(), written);
}

#[test]
fn every_example_is_what_is_on_the_wire() {
    let mut shown = BTreeSet::new();
    for (name, text) in examples() {
        assert!(shown.insert(name), "{name} is shown twice");
        match name {
            "AddRequest" => assert_same::<api::AddRequest>(text),
            "AddResponse" => assert_same::<api::AddResponse>(text),
            "Attachment" => assert_same::<api::Attachment>(text),
            "CheckRequest" => assert_same::<api::CheckRequest>(text),
            "GcRequest" => assert_same::<api::GcRequest>(text),
            "GcResponse" => assert_same::<api::GcResponse>(text),
            "SandboxRequest" => assert_same::<api::SandboxRequest>(text),
            "SandboxResponse" => assert_same::<api::SandboxResponse>(text),
            "StatusResponse" => assert_same::<api::StatusResponse>(text),
            "Endpoint" => assert_same::<api::Endpoint>(text),
            "ExplainRequest" => assert_same::<api::ExplainRequest>(text),
            "Explanation" => assert_same::<api::Explanation>(text),
            "ErrorBody" => assert_same::<ErrorBody>(text),
            #[cfg(feature = "agent")]
            "StoreGet" => assert_same::<api::StoreGet>(text),
            #[cfg(feature = "agent")]
            "StoreGot" => assert_same::<api::StoreGot>(text),
            #[cfg(feature = "agent")]
            "StoreList" => assert_same::<api::StoreList>(text),
            #[cfg(feature = "agent")]
            "StoreWrite" => assert_same::<api::StoreWrite>(text),
            #[cfg(feature = "agent")]
            "StoreWritten" => assert_same::<api::StoreWritten>(text),
            #[cfg(feature = "agent")]
            "StoreWatch" => assert_same::<api::StoreWatch>(text),
            #[cfg(feature = "agent")]
            "StoreEvent" => assert_same::<api::StoreEvent>(text),
            #[cfg(feature = "agent")]
            "StoreFailure" => assert_same::<api::StoreFailure>(text),
            // Their types come with the agent.
            #[cfg(not(feature = "agent"))]
            store if store.starts_with("Store") => {}
            other => panic!("no type {other}"),
        }
    }
    assert_eq!(shown.len(), 21);
}

#[test]
fn every_path_is_documented() {
    let all = [
        path::HEALTHY,
        path::IP,
        path::CHECK,
        path::GC,
        path::SANDBOX,
        path::STATUS,
        path::ENDPOINT,
        path::EXPLAIN,
    ];
    for path in all {
        assert!(DOC.contains(path), "{path}");
    }
}

#[test]
fn the_table_of_errors_is_the_codes() {
    let mut rows = 0;
    for line in DOC.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, code, status, retryable, ..] = cells.as_slice() else { continue };
        let Ok(status) = status.parse::<u16>() else { continue };
        let code = ErrorCode::from(code.trim_matches('`').to_owned());
        assert!(!matches!(code, ErrorCode::Other(_)), "{line}");
        assert_eq!(code.http_status(), status, "{line}");
        assert_eq!(ErrorBody::new(code, "", "").retryable, *retryable == "yes", "{line}");
        rows += 1;
    }
    assert_eq!(rows, 13);
}
