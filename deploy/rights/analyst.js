// Creates the role `billieAnalyst`, which can read the shared collections and nothing else:
//
//     mongosh "mongodb://ADMIN@HOST/billie-servicing?authSource=admin" deploy/rights/analyst.js
//
// The database is the one in the connection string. Run again to update the role. Then, once for each analyst:
//
//     db.createUser({ user: "ann", pwd: passwordPrompt(), roles: ["billieAnalyst"] })
//
// Collections whose names start with `_` are private to the projector, and not included.

// Written by `make dictionary`:
const COLLECTIONS = [
  "customers",
  "loan-accounts",
  "conversations",
  "contact-notes",
  "write-off-requests",
  "ledger-commands",
  "portfolio-daily",
  "customer-timeline",
  "projection-positions",
  "projection-jobs",
  "migrations"
];
// End of what is written.

const NAME = "billieAnalyst";
const ACTIONS = ["collStats", "find", "listIndexes"];

if (!db.getCollectionNames().includes("loan-accounts")) {
  throw new Error(`${db.getName()} has no loan-accounts: name the database in the address, and run \`billie migrate\``);
}
const privileges = COLLECTIONS.map((collection) => ({
  resource: { db: db.getName(), collection },
  actions: ACTIONS,
}));
if (db.getRole(NAME)) {
  db.updateRole(NAME, { privileges, roles: [] });
} else {
  db.createRole({ role: NAME, privileges, roles: [] });
}
print(`${NAME} reads ${COLLECTIONS.join(", ")} of ${db.getName()}.`);
