# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Kafka's jars: fetched once by Maven into the user's cache, with a class data archive that
# halves the start of every JVM. Both appear whole, by rename, under one lock.
#
#   ~/.cache/aep/kafka-VERSION/  lock  libs/*.jar  classes-JDK.jsa
#
# need_jars sets jvm, the flags of every JVM of ours. From script/kafka: here, dir, secure, say,
# die.
# shellcheck disable=SC2154

# version_of_broker: the one that DIR was made with, else the caller's, else the current one.
# But librdkafka before 2.6.1 repeats the client's nonce in SCRAM, which Kafka 4 refuses as
# wrong credentials and 3.9 lets pass (confluentinc/librdkafka, pull request 4895).
version_of_broker() {
    if [ -n "$dir" ] && cat "$dir/version" 2>/dev/null; then
        return
    elif [ -n "${AEP_KAFKA_VERSION:-}" ]; then
        echo "$AEP_KAFKA_VERSION"
    elif [ -n "$secure" ] && ! pkg-config --atleast-version=2.6.1 rdkafka 2>/dev/null; then
        echo 3.9.1
    else
        echo 4.1.1
    fi
}

need_jars() {
    kafka_version=$(version_of_broker)
    local command
    for command in java kcat openssl python3; do
        command -v $command >/dev/null || { "$here/setup" kafka; break; }
    done
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/aep/kafka-$kafka_version
    [ -d "$cache/libs" ] || alone fetch_jars
    archive=$cache/classes-$(jdk_id).jsa
    jvm=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xlog:disable
        "-Dlog4j2.configurationFile=$here/kafka.d/log4j2.properties"
        -cp "$(printf '%s:' "$cache"/libs/*.jar)")
    [ -e "$archive" ] || [ -n "${AEP_KAFKA_TRAINING:-}" ] || alone train_archive
    [ ! -s "$archive" ] || jvm+=("-XX:SharedArchiveFile=$archive")
}

# tool CLASS ARGUMENTS...
tool() { java "${jvm[@]}" -Xmx256m -Daep.log=error "$@"; }

# jdk_id: another JDK cannot use this one's archive.
jdk_id() { stat -Lc %Y-%s "$(dirname "$(readlink -f "$(command -v java)")")/../lib/modules"; }

# alone FUNCTION: with a scratch folder, under the cache's lock.
alone() {
    mkdir -p "$cache"
    (
        exec 8>"$cache/lock"
        flock 8
        rm -rf "$cache"/scratch.*
        mkdir "$cache/scratch.$BASHPID"
        trap 'rm -rf "$cache/scratch.$BASHPID"' EXIT
        "$1" "$cache/scratch.$BASHPID"
    )
}

fetch_jars() { # SCRATCH
    [ ! -d "$cache/libs" ] || return 0
    command -v mvn >/dev/null || "$here/setup" kafka
    say "fetching Apache Kafka $kafka_version (45 MB, once)"
    copy_jars "$1" || copy_jars "$1" || die "cannot fetch it:
$(grep -m 3 ERROR "$1/mvn.log")"
    mv -T "$1/libs" "$cache/libs"
}

copy_jars() { # SCRATCH
    rm -rf "$1/libs"
    mvn -B -q -f "$here/kafka.d/pom.xml" "-Dkafka.version=$kafka_version" \
        dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$1/libs" \
        >"$1/mvn.log" 2>&1 </dev/null
}

# train_archive: the classes that a broker loads, dumped as it ends. If that fails we say so
# once, leave an empty file, and do without.
train_archive() { # SCRATCH
    [ ! -e "$archive" ] || return 0
    local classes=$1/classes.jsa
    say "preparing its class archive (once)"
    AEP_KAFKA_TRAINING=yes AEP_KAFKA_VERSION=$kafka_version \
        AEP_KAFKA_JAVA_OPTS="-XX:ArchiveClassesAtExit=$classes" "$here/kafka" \
        start --dir "$1/broker" >/dev/null || true
    "$here/kafka" stop --dir "$1/broker" || true
    [ -s "$classes" ] || { say "it failed: starts will be slower" && : >"$classes"; }
    mv "$classes" "$archive"
}
