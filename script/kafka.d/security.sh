# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What --secure adds to a broker: a CA and a server certificate, a SASL_SSL listener (SCRAM and
# PLAIN), three users and their rights. The PLAINTEXT listener stays, for administration: its only user,
# ANONYMOUS, may do everything.
#
#   writer    may write and create omninode.*
#   limited   may write omninode.agent.execution.started.v1, nothing else
#   nobody    may log in, nothing else
#
# The passwords are no secrets: the broker listens on loopback only. From script/kafka: dir,
# secure_port, kafka_version, admin, exports, die.
# shellcheck disable=SC2154

users=(writer limited nobody)

password_of() { echo "$1-s3cret"; }

make_certificates() {
    local tls=$dir/tls
    rm -rf "$tls"
    mkdir -m 700 "$tls"
    {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
            -subj '/CN=aep test CA' -keyout "$tls/ca.key" -out "$tls/ca.pem" &&
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
                -subj '/CN=localhost' -keyout "$tls/server.key" -out "$tls/server.csr" &&
            openssl x509 -req -in "$tls/server.csr" -days 3650 \
                -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial -out "$tls/server.crt" \
                -extfile <(echo 'subjectAltName=IP:127.0.0.1,DNS:localhost')
    } 2>"$tls/log" || die "cannot make certificates: $(cat "$tls/log")"
    cat "$tls/server.key" "$tls/server.crt" "$tls/ca.pem" >"$tls/server.pem"
}

secure_properties() {
    local modules=org.apache.kafka.common.security user known=
    for user in "${users[@]}"; do known+=" user_$user=\"$(password_of "$user")\""; done
    cat <<END
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=$modules.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$modules.scram.ScramLoginModule required;
listener.name.sasl_ssl.plain.sasl.jaas.config=$modules.plain.PlainLoginModule required$known;
ssl.keystore.type=PEM
ssl.keystore.location=$dir/tls/server.pem
END
}

scram_arguments() {
    local user bits
    for user in "${users[@]}"; do
        for bits in 256 512; do
            printf '%s\n' --add-scram "SCRAM-SHA-$bits=[name=$user,password=$(password_of "$user")]"
        done
    done
}

# acl --add|--remove USER TOPIC literal|prefixed [OPERATION]
acl() {
    local tool=org.apache.kafka.tools.AclCommand operations=(--operation Write --operation Describe)
    [ -z "${5:-}" ] || operations=(--operation "$5")
    [ "${kafka_version%%.*}" -ge 4 ] || tool=kafka.admin.AclCommand
    [ "$4" = literal ] || operations+=(--operation Create)
    local what=(--topic "$3")
    [ "${3#group:}" = "$3" ] || what=(--group "${3#group:}")
    admin "$tool" "$1" --force --allow-principal "User:$2" \
        "${what[@]}" --resource-pattern-type "$4" "${operations[@]}"
}

grant_users() {
    acl --add writer omninode. prefixed &
    acl --add limited omninode.agent.execution.started.v1 literal && wait $!
}

secure_env() {
    local user
    exports AEP_TEST_KAFKA_SECURE "127.0.0.1:$secure_port" AEP_TEST_KAFKA_CA "$dir/tls/ca.pem"
    for user in "${users[@]}"; do
        exports "AEP_TEST_KAFKA_${user^^}_USER" "$user" \
            "AEP_TEST_KAFKA_${user^^}_PASSWORD" "$(password_of "$user")"
    done
}
