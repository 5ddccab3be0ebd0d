"""The vocabulary of the suite: names, schemas, parameters, errors. No computation on pixels."""
