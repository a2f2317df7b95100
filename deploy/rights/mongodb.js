// Creates the role `billieServicing`: all that the processes and commands of Billie Servicing need, in one database:
//
//     mongosh "mongodb://ADMIN@HOST/billie-servicing?authSource=admin" deploy/rights/mongodb.js
//
// The database is the one in the connection string (`BILLIE_MONGO_DB`). Run again to update the role. Then create the
// user, with a password:
//
//     db.createUser({ user: "billie", pwd: passwordPrompt(), roles: ["billieServicing"] })
//
// or with a client certificate, named as its subject (`openssl x509 -noout -subject -nameopt RFC2253 -in FILE`):
//
//     db.getSiblingDB("$external").createUser({
//       user: "CN=billie,OU=clients,O=Example", roles: [{ role: "billieServicing", db: db.getName() }],
//     })

const NAME = "billieServicing";
const ACTIONS = [
  "find",
  "insert",
  "update",
  "remove",
  "listCollections",
  "createCollection",
  "dropCollection",
  "renameCollectionSameDB",
  "collMod",
  "listIndexes",
  "createIndex"
];

// Of all collections: a rebuild creates new ones, and renames them over the live ones.
const privileges = [{ resource: { db: db.getName(), collection: "" }, actions: ACTIONS }];
if (db.getRole(NAME)) {
  db.updateRole(NAME, { privileges, roles: [] });
} else {
  db.createRole({ role: NAME, privileges, roles: [] });
}
print(`${NAME} works in ${db.getName()}.`);
