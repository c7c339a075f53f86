-- Version 7: who said that they see to an incident, found by the incident.

CREATE INDEX audit_acknowledged ON audit (outcome) WHERE action = 'acknowledge';
