#!/bin/sh
# Run Apache Kafka's one node in its official image, with the settings beside this file. On an empty volume the log is
# formatted first, with the users broker and admin; whole or not at all. Passwords stand in no command line.
set -eu

settings=${1:-/etc/motcua/server.properties}
data=${KAFKA_DATA:-/var/lib/kafka/data}
classes="${KAFKA_HOME:-/opt/kafka}/libs/*"

if [ ! -e "$data/log/meta.properties" ]; then
    work=$(mktemp -d)
    cluster=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n' | cut -c1-22)
    rm -rf "$data/log.new"
    sed "s|^log\.dirs=.*|log.dirs=$data/log.new|" "$settings" >"$work/format.properties"
    cat >"$work/format.arguments" <<ARGUMENTS
kafka.tools.StorageTool
format
-t
$cluster
-c
$work/format.properties
--add-scram
SCRAM-SHA-512=[name=broker,password=$KAFKA_BROKER_PASSWORD]
--add-scram
SCRAM-SHA-512=[name=admin,password=$KAFKA_ADMIN_PASSWORD]
ARGUMENTS
    java -cp "$classes" -Dlog4j2.configurationFile="$(dirname "$settings")/log4j2.properties" "@$work/format.arguments"
    rm -rf "$work"
    mv "$data/log.new" "$data/log"
fi

exec java ${KAFKA_HEAP_OPTS:--Xms256m -Xmx512m} -XX:+ExitOnOutOfMemoryError -cp "$classes" \
    -Dlog4j2.configurationFile="$(dirname "$settings")/log4j2.properties" kafka.Kafka "$settings"
