-- What a person's screens have confirmed, with the holes in it. Costs nothing on a large table.

-- A row confirms (began, upto]; rows before this one confirmed everything from the start.
ALTER TABLE watermarks ADD COLUMN began INTEGER NOT NULL DEFAULT 0;

-- Up to where the row before it reaches, where something between that and `began` was never brought.
ALTER TABLE watermarks ADD COLUMN missed INTEGER;

CREATE INDEX watermarks_holes ON watermarks (user_id, missed) WHERE missed IS NOT NULL;
