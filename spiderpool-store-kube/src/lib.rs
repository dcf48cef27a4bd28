//! spiderpool-store-kube
