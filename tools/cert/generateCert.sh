#!/bin/sh
# Makes a CA and a certificate for the controller's webhook:
#   tools/cert/generateCert.sh FOLDER [NAMESPACE [SERVICE]]
# writes ca.crt, ca.key, server.crt and server.key into FOLDER, good for ten years. Needs openssl.
set -eu

usage() {
    echo "usage: $0 FOLDER [NAMESPACE [SERVICE]]" >&2
    exit 2
}

[ $# -ge 1 ] && [ $# -le 3 ] && [ -n "$1" ] || usage
folder=$1
namespace=${2:-kube-system}
service=${3:-spiderpool-controller}
days=3650

command -v openssl > /dev/null || {
    echo "$0: openssl is missing; get it with: sudo apt-get install openssl" >&2
    exit 1
}

umask 077
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

openssl req -x509 -newkey rsa:2048 -nodes -days "$days" -subj "/CN=spiderpool-ca" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout "$work/ca.key" -out "$work/ca.crt" 2> "$work/said" || { cat "$work/said" >&2; exit 1; }

cat > "$work/server.cnf" <<END
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth
subjectAltName = DNS:$service,DNS:$service.$namespace,DNS:$service.$namespace.svc,DNS:$service.$namespace.svc.cluster.local
END
openssl req -newkey rsa:2048 -nodes -subj "/CN=$service.$namespace.svc" \
    -keyout "$work/server.key" -out "$work/server.csr" 2> "$work/said" || { cat "$work/said" >&2; exit 1; }
openssl x509 -req -in "$work/server.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial \
    -days "$days" -extfile "$work/server.cnf" -out "$work/server.crt" 2> "$work/said" || { cat "$work/said" >&2; exit 1; }

# All four or none.
mv "$work/ca.crt" "$work/ca.key" "$work/server.crt" "$work/server.key" "$folder/"
echo "$folder: ca.crt, ca.key, server.crt and server.key for $service.$namespace.svc"
