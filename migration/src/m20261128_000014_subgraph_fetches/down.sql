UPDATE subgraph SET problem = coalesce(problem, fetch_problem);
ALTER TABLE subgraph DROP COLUMN fetch_problem;
ALTER TABLE subgraph DROP COLUMN fetched_at;
