//! spiderpool-store-etcd
