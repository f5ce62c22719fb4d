ALTER TABLE subgraph ADD COLUMN fetched_at {instant};
ALTER TABLE subgraph ADD COLUMN fetch_problem {text};
UPDATE subgraph SET fetch_problem = problem, problem = NULL WHERE problem LIKE 'it does not tell its schema%';
UPDATE subgraph SET fetched_at = looked_at WHERE fetch_problem IS NULL;
