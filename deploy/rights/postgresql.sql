-- Creates the user and the database of the event store:
--
--     psql -v ON_ERROR_STOP=1 -f deploy/rights/postgresql.sql "postgresql://ADMIN@HOST/postgres"
--
-- The user may connect to that database alone, and owns the tables that it creates there. Then set its password
-- (`\password billie` in psql).

CREATE ROLE billie LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
CREATE DATABASE billie ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE billie FROM PUBLIC;
GRANT CONNECT ON DATABASE billie TO billie;
\connect billie
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO billie;
