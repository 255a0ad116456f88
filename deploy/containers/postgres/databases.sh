#!/bin/sh
# Run once by the PostgreSQL image, on an empty volume: for each service NAME a database, its owner NAME_owner (who may
# change tables) and its login NAME (who may use what the migrations grant). Passwords come from the environment,
# PASSWORD_NAME and PASSWORD_NAME_OWNER, and stand in no command line.
set -eu

for name in intake payments notifications status; do
    upper=$(echo "$name" | tr a-z A-Z)
    psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<SQL
\getenv owner_password PASSWORD_${upper}_OWNER
\getenv password PASSWORD_${upper}
create role "${name}_owner" login password :'owner_password';
create role "${name}" login password :'password';
create database "${name}" owner "${name}_owner";
revoke all on database "${name}", postgres, template1 from public;
grant connect on database "${name}" to "${name}";
\connect ${name}
revoke all on schema public from public;
grant usage, create on schema public to "${name}_owner";
SQL
done
