-- What the store on PostgreSQL has the database do. All of it is made in a schema of its own, named after what is
-- written here, so that nodes of two versions can work side by side. What writes is called by `tocsin_batch` only,
-- which holds the lock of the log: each `do_…` is a command, given the head and its arguments, from 1 on.

-- What a command comes to: the head after it, its answer as JSON, and the entries it made, without brackets.
CREATE TYPE step AS (head bigint, result text, changes text);

CREATE FUNCTION said(p_head bigint, p_result text, p_changes text) RETURNS step LANGUAGE sql IMMUTABLE AS $$
    SELECT ROW(p_head, p_result, p_changes)::step
$$;

-- ------------------------------------------------------------ words

CREATE FUNCTION checksum(p_first bigint, p_id text, p_user text, p_device text, p_body text)
RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT ('x' || left(encode(sha256(convert_to(
        p_first || ' ' || p_id || ' ' || coalesce('u' || p_user, '') || ' ' || coalesce('d' || p_device, '') || ' '
        || p_body, 'UTF8')), 'hex'), 8))::bit(32)::integer
$$;

-- A refusal, as the program reads it.
CREATE FUNCTION refused(p_code text, p_about text DEFAULT '') RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT json_build_object('no', p_code, 'about', p_about)::text
$$;

CREATE FUNCTION joined_of(p_user text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT joined FROM users WHERE id = p_user);
END $$;

-- Broadcasts up to this number are gone.
CREATE FUNCTION broadcast_floor() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT upto FROM floors WHERE owner = '' AND app_id = ''), 0);
END $$;

-- When a notification was read by a mark; NULL when no mark covers it.
CREATE FUNCTION marked_at(p_user text, p_type text, p_device text, p_since bigint)
RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT at FROM marks
        WHERE user_id = p_user AND type IN ('', p_type) AND device_id IN ('', coalesce(p_device, ''))
            AND upto >= p_since
        ORDER BY seq LIMIT 1);
END $$;

CREATE FUNCTION read_at_of(
    p_user text, p_type text, p_device text, p_since bigint, p_read boolean, p_read_at bigint
) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p_read THEN p_read_at WHEN NOT p_read THEN NULL
        ELSE marked_at(p_user, p_type, p_device, p_since) END
$$;

-- ------------------------------------------------------------ counts

-- Whether a mark says that this one is read, where those without a device reach to `p_mark`.
CREATE FUNCTION covers(p_user text, p_type text, p_mark bigint, p_first bigint, p_device text)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT p_first <= p_mark OR (p_device IS NOT NULL AND EXISTS (
        SELECT 1 FROM marks
        WHERE user_id = p_user AND type IN ('', p_type) AND device_id = p_device AND upto >= p_first))
$$;

CREATE FUNCTION device_marks(p_user text, p_type text, p_mark bigint)
RETURNS TABLE (device text, upto bigint) LANGUAGE sql STABLE AS $$
    SELECT device_id, max(upto) FROM marks
    WHERE user_id = p_user AND device_id <> '' AND type IN ('', p_type)
    GROUP BY device_id HAVING max(upto) > p_mark
$$;

-- What marks about devices cover above `p_mark`, and what was read and set unread one by one.
CREATE FUNCTION with_broadcasts(
    p_user text, p_type text, p_mark bigint, p_floor bigint, OUT covered bigint, OUT seen bigint, OUT unseen bigint
) LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT count(*) INTO covered FROM device_marks(p_user, p_type, p_mark) d
    JOIN notifications n ON n.user_id IS NULL AND n.device_id = d.device AND n.first > p_mark AND n.first <= d.upto
        AND n.type = p_type;
    SELECT count(*) INTO seen FROM receipts r
    WHERE r.user_id = p_user AND r.first > p_mark AND r.type = p_type AND r.read AND r.broadcast
        AND NOT covers(p_user, p_type, p_mark, r.first, r.device_id);
    SELECT count(*) INTO unseen FROM receipts r
    WHERE r.user_id = p_user AND NOT r.read AND r.type = p_type AND r.broadcast
        AND r.first > greatest(p_floor, joined_of(p_user))
        AND covers(p_user, p_type, p_mark, r.first, r.device_id);
END $$;

CREATE FUNCTION own_part(p_user text, p_type text, p_mark bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT
        (SELECT count(*) FROM notifications n WHERE n.user_id = p_user AND n.first > p_mark AND n.type = p_type)
        - (SELECT count(*) FROM device_marks(p_user, p_type, p_mark) d
            JOIN notifications n ON n.user_id = p_user AND n.device_id = d.device AND n.first > p_mark
                AND n.first <= d.upto AND n.type = p_type)
        + (SELECT count(*) FROM receipts r
            WHERE r.user_id = p_user AND NOT r.read AND r.type = p_type AND NOT r.broadcast
                AND r.first > joined_of(p_user) AND covers(p_user, p_type, p_mark, r.first, r.device_id)
                AND NOT EXISTS (SELECT 1 FROM voids v WHERE v.first = r.first))
        - (SELECT count(*) FROM receipts r
            WHERE r.user_id = p_user AND r.first > p_mark AND r.read AND r.type = p_type AND NOT r.broadcast
                AND NOT covers(p_user, p_type, p_mark, r.first, r.device_id)
                AND NOT EXISTS (SELECT 1 FROM voids v WHERE v.first = r.first))
        - (SELECT count(*) FROM voids v
            WHERE v.user_id = p_user AND v.first > p_mark AND v.type = p_type
                AND NOT covers(p_user, p_type, p_mark, v.first, v.device_id))
$$;

-- Above a mark nothing changes by a purge below it, except for what was set unread there.
CREATE FUNCTION is_stale(c counters, p_floor bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT c.floor < p_floor AND (c.mark < p_floor OR c.unseen > 0)
$$;

CREATE FUNCTION lifted(c counters, p_floor bigint) RETURNS counters LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF c.mark <= p_floor THEN
        c.base := (SELECT at_floor FROM totals WHERE type = c.type);
    END IF;
    SELECT w.covered, w.seen, w.unseen INTO c.covered, c.seen, c.unseen
    FROM with_broadcasts(c.user_id, c.type, greatest(c.mark, p_floor), p_floor) w;
    c.floor := p_floor;
    RETURN c;
END $$;

-- How many notifications a user has not read, by type.
CREATE FUNCTION unread_of(p_user text) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    c counters;
    floor_now bigint := broadcast_floor();
    reach bigint;
    number bigint;
    found jsonb := '{}';
BEGIN
    FOR c IN SELECT * FROM counters WHERE user_id = p_user LOOP
        IF is_stale(c, floor_now) THEN
            c := lifted(c, floor_now);
        END IF;
        reach := greatest(c.mark, floor_now);
        number := c.own + (SELECT total FROM totals WHERE type = c.type) - c.base - c.covered - c.seen + c.unseen
            - (SELECT count(*) FROM voids v LEFT JOIN receipts r ON r.user_id = p_user AND r.first = v.first
                WHERE v.user_id IS NULL AND v.first > reach AND v.type = c.type AND r.read IS NOT TRUE
                    AND NOT covers(p_user, c.type, reach, v.first, v.device_id))
            - (SELECT count(*) FROM receipts r JOIN voids v ON v.first = r.first
                WHERE r.user_id = p_user AND NOT r.read AND r.broadcast AND r.type = c.type
                    AND r.first > greatest(floor_now, joined_of(p_user))
                    AND covers(p_user, c.type, reach, r.first, r.device_id));
        found := found || jsonb_build_object(c.type, number);
    END LOOP;
    RETURN found;
END $$;

-- Count anew, after a mark; what lies below it costs nothing. `p_type` '' is all.
CREATE FUNCTION settle(p_user text, p_type text, p_upto bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    c counters;
    floor_now bigint := broadcast_floor();
BEGIN
    FOR c IN SELECT * FROM counters WHERE user_id = p_user AND (p_type = '' OR type = p_type) LOOP
        c.mark := greatest(c.mark, p_upto);
        c.own := own_part(p_user, c.type, c.mark);
        IF c.mark > floor_now THEN
            c.base := (SELECT total FROM totals WHERE type = c.type)
                - (SELECT count(*) FROM notifications WHERE user_id IS NULL AND first > c.mark AND type = c.type);
        END IF;
        c := lifted(c, floor_now);
        UPDATE counters SET mark = c.mark, floor = c.floor, base = c.base, covered = c.covered, own = c.own,
            seen = c.seen, unseen = c.unseen WHERE user_id = p_user AND type = c.type;
    END LOOP;
END $$;

-- Take the broadcasts below their floor out of a user's counts: they may then be removed.
CREATE FUNCTION lift(p_user text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    c counters;
    floor_now bigint := broadcast_floor();
BEGIN
    FOR c IN SELECT * FROM counters WHERE user_id = p_user LOOP
        IF is_stale(c, floor_now) THEN
            c := lifted(c, floor_now);
            UPDATE counters SET floor = c.floor, base = c.base, covered = c.covered, seen = c.seen, unseen = c.unseen
            WHERE user_id = p_user AND type = c.type;
        END IF;
    END LOOP;
END $$;

-- One notification has become read (-1) or unread (1) by a word of its recipient.
CREATE FUNCTION shift(
    p_user text, p_type text, p_first bigint, p_device text, p_broadcast boolean, p_by integer
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    reach bigint;
BEGIN
    IF NOT p_broadcast THEN
        UPDATE counters SET own = own + p_by WHERE user_id = p_user AND type = p_type;
        RETURN;
    END IF;
    reach := greatest(
        coalesce((SELECT mark FROM counters WHERE user_id = p_user AND type = p_type), 0), broadcast_floor());
    IF covers(p_user, p_type, reach, p_first, p_device) THEN
        UPDATE counters SET unseen = unseen + p_by WHERE user_id = p_user AND type = p_type;
    ELSE
        UPDATE counters SET seen = seen - p_by WHERE user_id = p_user AND type = p_type;
    END IF;
END $$;

-- ------------------------------------------------------------ what is done to notifications that are there

CREATE FUNCTION put_audit(c jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO audit (at, who, action, what, origin, result)
    SELECT (c->>0)::bigint, c->>1, c->>2, c->>3, c->>4, c->>5 WHERE jsonb_typeof(c) = 'array'
$$;

CREATE FUNCTION put_receipt(
    p_user text, n notifications, p_seq bigint, p_read boolean, p_read_at bigint, p_state_read bigint,
    p_dismissed bigint, p_acknowledged bigint
) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO receipts
        (user_id, first, seq, broadcast, type, device_id, read, read_at, dismissed_at, acknowledged_at)
    VALUES (p_user, n.first, p_seq, n.user_id IS NULL, n.type, n.device_id, p_read, p_read_at, p_dismissed,
        p_acknowledged)
    ON CONFLICT (user_id, first) DO UPDATE SET seq = excluded.seq, read = excluded.read,
        read_at = excluded.read_at, dismissed_at = excluded.dismissed_at, acknowledged_at = excluded.acknowledged_at;
    RETURN json_build_array(
        'r', p_seq, p_user, n.id, n.first, n.device_id, p_state_read, p_dismissed, p_acknowledged)::text;
END $$;

-- [user, id, act, now]
CREATE FUNCTION do_act(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    its_user text := c->>1;
    what text := c->>3;
    now_ms bigint := (c->>4)::bigint;
    n notifications;
    r receipts;
    by_mark bigint;
    old_read bigint;
    new_read bigint;
    dismissed bigint;
    acknowledged bigint;
BEGIN
    SELECT * INTO n FROM notifications WHERE id = c->>2;
    IF n.first IS NULL OR n.withdrawn_at IS NOT NULL OR n.user_id <> its_user
        OR n.first <= coalesce(joined_of(its_user), n.first)
        OR (n.user_id IS NULL AND n.first <= broadcast_floor())
    THEN
        RETURN said(p_head, refused('not-found', 'Notification'), '');
    END IF;
    SELECT * INTO r FROM receipts WHERE user_id = its_user AND first = n.first;
    by_mark := marked_at(its_user, n.type, n.device_id, n.since);
    old_read := CASE WHEN r.read THEN r.read_at WHEN NOT r.read THEN NULL ELSE by_mark END;
    new_read := old_read;
    dismissed := r.dismissed_at;
    acknowledged := r.acknowledged_at;
    CASE what
        WHEN 'read' THEN new_read := coalesce(old_read, now_ms);
        WHEN 'unread' THEN new_read := NULL;
        WHEN 'dismiss' THEN
            IF n.body::json->>'dismissible' = 'false' AND acknowledged IS NULL THEN
                RETURN said(p_head, refused('conflict', 'acknowledge'), '');
            END IF;
            dismissed := coalesce(dismissed, now_ms);
        WHEN 'undismiss' THEN dismissed := NULL;
        WHEN 'acknowledge' THEN acknowledged := coalesce(acknowledged, now_ms);
    END CASE;
    IF (new_read, dismissed, acknowledged) IS NOT DISTINCT FROM (old_read, r.dismissed_at, r.acknowledged_at) THEN
        RETURN said(p_head, json_build_array(old_read, dismissed, acknowledged)::text, '');
    END IF;
    IF what = 'read' THEN
        r.read := true;
        r.read_at := now_ms;
    ELSIF what = 'unread' THEN
        -- Where no mark says otherwise, there is nothing to say.
        r.read := CASE WHEN by_mark IS NOT NULL THEN false END;
        r.read_at := NULL;
    END IF;
    IF (new_read IS NULL) <> (old_read IS NULL) THEN
        PERFORM shift(its_user, n.type, n.first, n.device_id, n.user_id IS NULL,
            CASE WHEN new_read IS NULL THEN 1 ELSE -1 END);
    END IF;
    RETURN said(p_head + 1, json_build_array(new_read, dismissed, acknowledged)::text,
        put_receipt(its_user, n, p_head + 1, r.read, r.read_at, new_read, dismissed, acknowledged));
END $$;

-- [user, upTo or null, type, device, now]
CREATE FUNCTION do_mark(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    its_user text := c->>1;
    upto_now bigint := coalesce((c->>2)::bigint, p_head);
    its_type text := coalesce(c->>3, '');
    its_device text := coalesce(c->>4, '');
    now_ms bigint := (c->>5)::bigint;
    head bigint := p_head;
    changes text := '';
    reach bigint;
    further boolean;
    said_so record;
BEGIN
    IF upto_now > p_head THEN
        RETURN said(p_head, refused('invalid', 'upTo'), '');
    END IF;
    IF NOT EXISTS (SELECT 1 FROM users WHERE id = its_user) THEN
        -- Deleted since it was asked for; another of that name would be told of it.
        RETURN said(p_head, json_build_array(upto_now, unread_of(its_user), p_head)::text, '');
    END IF;
    FOR said_so IN
        SELECT n, r FROM receipts r JOIN notifications n ON n.first = r.first
        WHERE r.user_id = its_user AND NOT r.read AND r.first <= upto_now AND n.withdrawn_at IS NULL
            AND r.first > joined_of(its_user) AND (its_type = '' OR r.type = its_type)
            AND (its_device = '' OR r.device_id = its_device)
        ORDER BY r.first
    LOOP
        head := head + 1;
        changes := concat_ws(',', nullif(changes, ''),
            put_receipt(its_user, said_so.n, head, true, now_ms, now_ms, (said_so.r).dismissed_at,
                (said_so.r).acknowledged_at));
    END LOOP;
    -- No further than there is anything: done twice, nothing changes.
    reach := least(upto_now, greatest(
        coalesce((SELECT max(first) FROM notifications WHERE user_id = its_user), 0),
        coalesce((SELECT max(first) FROM notifications WHERE user_id IS NULL), 0)));
    further := reach > coalesce((SELECT max(upto) FROM marks
        WHERE user_id = its_user AND type = its_type AND device_id = its_device), 0);
    IF further THEN
        head := head + 1;
        INSERT INTO marks (user_id, type, device_id, upto, at, seq)
        VALUES (its_user, its_type, its_device, reach, now_ms, head);
        changes := concat_ws(',', nullif(changes, ''), json_build_array(
            'm', head, its_user, nullif(its_type, ''), nullif(its_device, ''), reach, now_ms)::text);
    END IF;
    IF head > p_head THEN
        PERFORM settle(its_user, its_type, CASE WHEN further AND its_device = '' THEN reach ELSE 0 END);
    END IF;
    RETURN said(head, json_build_array(upto_now, unread_of(its_user), head)::text, changes);
END $$;

-- [id, now, audit or null]
CREATE FUNCTION do_withdraw(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    now_ms bigint := (c->>2)::bigint;
    n notifications;
    r receipts;
BEGIN
    SELECT * INTO n FROM notifications WHERE id = c->>1;
    IF n.first IS NULL THEN
        RETURN said(p_head, refused('not-found', 'Notification'), '');
    END IF;
    IF n.withdrawn_at IS NOT NULL THEN
        RETURN said(p_head, 'null', '');
    END IF;
    -- What another of that name had counts for nobody.
    IF n.user_id IS NOT NULL AND n.first > joined_of(n.user_id) THEN
        SELECT * INTO r FROM receipts WHERE user_id = n.user_id AND first = n.first;
        IF read_at_of(n.user_id, n.type, n.device_id, n.since, r.read, r.read_at) IS NULL THEN
            PERFORM shift(n.user_id, n.type, n.first, n.device_id, false, -1);
        END IF;
    END IF;
    UPDATE notifications SET seq = p_head + 1, body = '{}', withdrawn_at = now_ms,
        sum = checksum(first, id, user_id, device_id, '{}') WHERE first = n.first;
    DELETE FROM words WHERE first = n.first;
    INSERT INTO voids (first, seq, user_id, type, device_id)
    VALUES (n.first, p_head + 1, n.user_id, n.type, n.device_id);
    PERFORM put_audit(c->3);
    RETURN said(p_head + 1, 'null',
        json_build_array('w', p_head + 1, n.user_id, n.id, n.first, n.device_id)::text);
END $$;

-- [user, began, upTo, now]
CREATE FUNCTION do_confirm(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    its_user text := c->>1;
    began_now bigint := (c->>2)::bigint;
    upto_now bigint := (c->>3)::bigint;
    now_ms bigint := (c->>4)::bigint;
    reached bigint := (SELECT greatest(joined, (SELECT max(upto) FROM watermarks WHERE user_id = its_user))
        FROM users WHERE id = its_user);
    hole record;
    low bigint;
    high bigint;
BEGIN
    IF reached IS NULL OR began_now >= upto_now OR upto_now > p_head THEN
        RETURN said(p_head, 'null', '');
    END IF;
    -- What of it was not confirmed yet, below what was; the newest, were there many.
    FOR hole IN
        SELECT missed, began, upto FROM watermarks
        WHERE user_id = its_user AND missed IS NOT NULL AND missed < upto_now AND began > began_now
        ORDER BY missed DESC LIMIT 500
    LOOP
        low := greatest(hole.missed, began_now);
        high := least(hole.began, upto_now);
        UPDATE watermarks SET missed = CASE WHEN high < hole.began THEN high END
        WHERE user_id = its_user AND upto = hole.upto;
        INSERT INTO watermarks (user_id, began, upto, at, missed)
        VALUES (its_user, low, high, now_ms, CASE WHEN hole.missed < low THEN hole.missed END);
    END LOOP;
    IF upto_now > reached THEN
        IF began_now > reached AND (
            EXISTS (SELECT 1 FROM notifications WHERE user_id = its_user AND first > reached AND first <= began_now)
            OR EXISTS (SELECT 1 FROM notifications WHERE user_id IS NULL AND first > reached AND first <= began_now))
        THEN
            INSERT INTO watermarks (user_id, began, upto, at, missed)
            VALUES (its_user, began_now, upto_now, now_ms, reached);
        ELSE
            INSERT INTO watermarks (user_id, began, upto, at) VALUES (its_user, reached, upto_now, now_ms);
        END IF;
    END IF;
    RETURN said(p_head, 'null', '');
END $$;

-- ------------------------------------------------------------ who is known

CREATE FUNCTION note_changed(p_head bigint, p_kind text, p_id text, p_result text) RETURNS step LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changed (seq, kind, id) VALUES (p_head + 1, p_kind, p_id);
    RETURN said(p_head + 1, p_result, json_build_array('i', p_head + 1, p_kind, p_id)::text);
END $$;

CREATE FUNCTION user_row(u users) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT json_build_array(
        u.id, u.name, u.password, u.permissions, u.superuser, u.disabled, u.joined, u.tokens_after)::text
$$;

-- [id, name, password, permissions, superuser, disabled, tokens_after, replace, audit]
CREATE FUNCTION do_put_user(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    u users;
    was_there boolean;
BEGIN
    SELECT * INTO u FROM users WHERE id = c->>1;
    was_there := FOUND;
    IF was_there AND NOT (c->>8)::boolean THEN
        RETURN said(p_head, user_row(u), '');
    END IF;
    INSERT INTO users (id, name, password, permissions, superuser, disabled, joined, tokens_after)
    VALUES (c->>1, c->>2, c->>3, c->>4, (c->>5)::boolean, (c->>6)::boolean, p_head,
        -- Tokens of an earlier user of that name, deleted since, must not hold for this one.
        CASE WHEN was_there OR (c->>7)::bigint <> 0 THEN (c->>7)::bigint ELSE (c->9->>0)::bigint END)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, password = excluded.password,
        permissions = excluded.permissions, superuser = excluded.superuser, disabled = excluded.disabled,
        tokens_after = excluded.tokens_after
    RETURNING * INTO u;
    IF NOT was_there THEN
        DELETE FROM counters WHERE user_id = u.id;
        INSERT INTO counters (user_id, type, mark, base) SELECT u.id, type, u.joined, total FROM totals;
    END IF;
    PERFORM put_audit(c->9);
    RETURN note_changed(p_head, 'user', u.id, user_row(u));
END $$;

-- [id, audit]
CREATE FUNCTION do_delete_user(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    its_id text := c->>1;
    done step := said(p_head, 'false', '');
    changes text := '';
    key_id text;
BEGIN
    DELETE FROM users WHERE id = its_id;
    IF NOT FOUND THEN
        RETURN done;
    END IF;
    FOR key_id IN DELETE FROM keys WHERE user_id = its_id RETURNING id LOOP
        done := note_changed(done.head, 'key', key_id, '');
        changes := concat_ws(',', nullif(changes, ''), done.changes);
    END LOOP;
    DELETE FROM sessions WHERE user_id = its_id;
    DELETE FROM installs WHERE user_id = its_id;
    DELETE FROM quotas WHERE user_id = its_id;
    DELETE FROM idempotency WHERE scope = 'user:' || its_id || ' send';
    DELETE FROM batches WHERE scope = 'user:' || its_id || ' batch';
    DELETE FROM counters WHERE user_id = its_id;
    DELETE FROM marks WHERE user_id = its_id;
    DELETE FROM floors WHERE owner = its_id;
    DELETE FROM voids WHERE user_id = its_id;
    INSERT INTO leavers (user_id, upto) VALUES (its_id, done.head)
    ON CONFLICT (user_id) DO UPDATE SET upto = greatest(leavers.upto, excluded.upto);
    PERFORM put_audit(c->2);
    done := note_changed(done.head, 'user', its_id, 'true');
    done.changes := concat_ws(',', nullif(changes, ''), done.changes);
    RETURN done;
END $$;

-- [kind, values…, audit]
CREATE FUNCTION do_put(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    v jsonb := c->2;
    its_id text := v->>0;
BEGIN
    CASE c->>1
        WHEN 'key' THEN
            INSERT INTO keys (id, user_id, name, hash, created_at, expires_at)
            VALUES (v->>0, v->>1, v->>2, decode(v->>3, 'hex'), (v->>4)::bigint, (v->>5)::bigint)
            ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, name = excluded.name, hash = excluded.hash,
                created_at = excluded.created_at, expires_at = excluded.expires_at;
        WHEN 'app' THEN
            INSERT INTO apps (id, name, quota_per_hour, install_for_all, joined)
            VALUES (v->>0, v->>1, (v->>2)::bigint, (v->>3)::boolean, p_head)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, quota_per_hour = excluded.quota_per_hour,
                install_for_all = excluded.install_for_all;
        WHEN 'secret' THEN
            INSERT INTO secrets (id, app_id, hash, created_at)
            VALUES (v->>0, v->>1, decode(v->>2, 'hex'), (v->>3)::bigint)
            ON CONFLICT (id) DO UPDATE SET app_id = excluded.app_id, hash = excluded.hash,
                created_at = excluded.created_at;
            its_id := v->>1;
        WHEN 'device' THEN
            INSERT INTO devices (id, name) VALUES (v->>0, v->>1)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name;
    END CASE;
    PERFORM put_audit(c->3);
    RETURN note_changed(p_head, c->>1, its_id, 'null');
END $$;

-- [id, user, hash, created_at, expires_at, now, most of one user, audit or null]
CREATE FUNCTION do_put_session(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    done step;
    changes text;
    over_id text;
BEGIN
    -- A chunk of what has ended: nobody need hear of it.
    DELETE FROM sessions WHERE id IN
        (SELECT id FROM sessions WHERE expires_at <= (c->>6)::bigint ORDER BY expires_at LIMIT 100);
    INSERT INTO sessions (id, user_id, hash, created_at, expires_at)
    VALUES (c->>1, c->>2, decode(c->>3, 'hex'), (c->>4)::bigint, (c->>5)::bigint);
    PERFORM put_audit(c->8);
    done := note_changed(p_head, 'session', c->>1, 'null');
    changes := done.changes;
    FOR over_id IN
        DELETE FROM sessions WHERE id IN (
            SELECT id FROM sessions WHERE user_id = c->>2 ORDER BY expires_at DESC, id OFFSET (c->>7)::bigint)
        RETURNING id
    LOOP
        done := note_changed(done.head, 'session', over_id, 'null');
        changes := changes || ',' || done.changes;
    END LOOP;
    RETURN said(done.head, 'null', changes);
END $$;

-- [id, expires_at]: one that was ended stays ended.
CREATE FUNCTION do_prolong_session(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions SET expires_at = (c->>2)::bigint WHERE id = c->>1;
    IF NOT FOUND THEN
        RETURN said(p_head, 'false', '');
    END IF;
    RETURN note_changed(p_head, 'session', c->>1, 'true');
END $$;

-- [app, user, installed, audit]
CREATE FUNCTION do_install(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO installs (app_id, user_id, installed) VALUES (c->>1, c->>2, (c->>3)::boolean)
    ON CONFLICT (app_id, user_id) DO UPDATE SET installed = excluded.installed;
    PERFORM put_audit(c->4);
    -- Ids hold no line breaks; PostgreSQL's texts no NUL.
    RETURN note_changed(p_head, 'install', (c->>1) || E'\n' || (c->>2), 'null');
END $$;

-- [kind, id, of, audit]
CREATE FUNCTION do_delete(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    its_id text := c->>2;
    gone bigint;
BEGIN
    CASE c->>1
        WHEN 'key' THEN DELETE FROM keys WHERE id = its_id;
        WHEN 'session' THEN DELETE FROM sessions WHERE id = its_id;
        WHEN 'app' THEN DELETE FROM apps WHERE id = its_id;
        WHEN 'device' THEN DELETE FROM devices WHERE id = its_id;
        WHEN 'secret' THEN DELETE FROM secrets WHERE id = its_id AND app_id = c->>3;
    END CASE;
    GET DIAGNOSTICS gone = ROW_COUNT;
    IF gone = 0 THEN
        RETURN said(p_head, 'false', '');
    END IF;
    IF c->>1 = 'app' THEN
        DELETE FROM secrets WHERE app_id = its_id;
        DELETE FROM installs WHERE app_id = its_id;
        DELETE FROM quotas WHERE app_id = its_id;
    END IF;
    PERFORM put_audit(c->4);
    RETURN note_changed(p_head, c->>1, CASE WHEN c->>1 = 'secret' THEN c->>3 ELSE its_id END, 'true');
END $$;

-- [name, default]
CREATE FUNCTION do_setting(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO settings (name, value) VALUES (c->>1, c->>2) ON CONFLICT DO NOTHING;
    RETURN said(p_head, (SELECT to_json(value)::text FROM settings WHERE name = c->>1), '');
END $$;

-- ------------------------------------------------------------ what goes

CREATE FUNCTION firsts_of(c jsonb) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(value::bigint), '{}') FROM jsonb_array_elements_text(c)
$$;

-- A chunk of what a deleted user had; false when there is nothing left of anybody.
CREATE FUNCTION do_remove_of_leaver(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    l leavers;
    firsts bigint[];
    gone bigint;
    few bigint;
BEGIN
    SELECT * INTO l FROM leavers LIMIT 1;
    IF NOT FOUND THEN
        RETURN said(p_head, 'false', '');
    END IF;
    firsts := ARRAY(SELECT first FROM notifications
        WHERE user_id = l.user_id AND first <= l.upto ORDER BY first LIMIT 500);
    DELETE FROM words WHERE first = ANY (firsts);
    DELETE FROM streamed WHERE first = ANY (firsts);
    DELETE FROM notifications WHERE first = ANY (firsts);
    gone := cardinality(firsts);
    DELETE FROM receipts WHERE user_id = l.user_id AND first IN
        (SELECT first FROM receipts WHERE user_id = l.user_id AND first <= l.upto ORDER BY first LIMIT 500);
    GET DIAGNOSTICS few = ROW_COUNT;
    gone := gone + few;
    DELETE FROM watermarks WHERE user_id = l.user_id AND upto IN
        (SELECT upto FROM watermarks WHERE user_id = l.user_id AND upto <= l.upto ORDER BY upto LIMIT 500);
    GET DIAGNOSTICS few = ROW_COUNT;
    IF gone + few = 0 THEN
        DELETE FROM leavers WHERE user_id = l.user_id;
    END IF;
    RETURN said(p_head, 'true', '');
END $$;

-- [now]: keys and batches that have expired, changes of identity that every node has heard of.
CREATE FUNCTION do_forget(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    gone bigint;
    few bigint;
BEGIN
    DELETE FROM idempotency WHERE (scope, key) IN
        (SELECT scope, key FROM idempotency WHERE expires_at <= (c->>1)::bigint ORDER BY expires_at LIMIT 500);
    GET DIAGNOSTICS gone = ROW_COUNT;
    DELETE FROM batches WHERE (scope, key, at) IN
        (SELECT scope, key, at FROM batches WHERE expires_at <= (c->>1)::bigint ORDER BY expires_at LIMIT 50);
    GET DIAGNOSTICS few = ROW_COUNT;
    gone := gone + few;
    DELETE FROM changed WHERE seq IN
        (SELECT seq FROM changed WHERE at < now() - interval '1 day' ORDER BY at LIMIT 500);
    GET DIAGNOSTICS few = ROW_COUNT;
    gone := gone + few;
    -- Each ticket that was used leaves a lease behind.
    DELETE FROM leases WHERE name IN
        (SELECT name FROM leases WHERE until < clock_timestamp() - interval '1 hour' LIMIT 500);
    GET DIAGNOSTICS few = ROW_COUNT;
    RETURN said(p_head, (gone + few > 0)::text, '');
END $$;

CREATE FUNCTION raise_floor(p_head bigint, p_owner text, p_app text, p_upto bigint, p_result text)
RETURNS step LANGUAGE plpgsql AS $$
BEGIN
    IF p_upto <= coalesce((SELECT upto FROM floors WHERE owner = p_owner AND app_id = p_app), 0) THEN
        RETURN said(p_head, p_result, '');
    END IF;
    INSERT INTO floors (owner, app_id, upto, seq) VALUES (p_owner, p_app, p_upto, p_head + 1)
    ON CONFLICT (owner, app_id) DO UPDATE SET upto = excluded.upto, seq = excluded.seq;
    RETURN said(p_head + 1, p_result,
        json_build_array('p', p_head + 1, nullif(p_owner, ''), nullif(p_app, ''), p_upto)::text);
END $$;

-- [[[user, app, [number…]]…]]: users' own notifications.
CREATE FUNCTION do_remove_own(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    part jsonb;
    done step := said(p_head, '', '');
    changes text := '';
    few bigint[];
    gone bigint[] := '{}';
BEGIN
    FOR part IN SELECT value FROM jsonb_array_elements(c->1) LOOP
        SELECT array_agg(first ORDER BY first) INTO few FROM notifications
        WHERE first = ANY (firsts_of(part->2)) AND user_id = part->>0;
        CONTINUE WHEN few IS NULL;
        UPDATE counters SET own = own - s.number FROM (
            SELECT n.type, count(*) AS number FROM notifications n
            JOIN counters c ON c.user_id = n.user_id AND c.type = n.type
            LEFT JOIN receipts r ON r.user_id = n.user_id AND r.first = n.first
            WHERE n.first = ANY (few) AND n.first > joined_of(part->>0)
                AND NOT EXISTS (SELECT 1 FROM voids v WHERE v.first = n.first)
                AND NOT coalesce(r.read, covers(n.user_id, n.type, c.mark, n.first, n.device_id))
            GROUP BY n.type
        ) s WHERE counters.user_id = part->>0 AND counters.type = s.type;
        gone := gone || few;
        -- Of somebody who left there is nobody to tell.
        IF joined_of(part->>0) IS NOT NULL THEN
            done := raise_floor(done.head, part->>0, part->>1, few[array_upper(few, 1)], '');
            changes := concat_ws(',', nullif(changes, ''), nullif(done.changes, ''));
        END IF;
    END LOOP;
    DELETE FROM receipts WHERE first = ANY (gone);
    DELETE FROM voids WHERE first = ANY (gone);
    DELETE FROM streamed WHERE first = ANY (gone);
    DELETE FROM words WHERE first = ANY (gone);
    DELETE FROM notifications WHERE first = ANY (gone);
    RETURN said(done.head, cardinality(gone)::text, changes);
END $$;

-- [before, upTo, {type: number}]: nobody sees or counts broadcasts up to there.
CREATE FUNCTION do_raise_broadcasts(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
BEGIN
    IF broadcast_floor() <> (c->>1)::bigint THEN
        RETURN said(p_head, 'false', '');
    END IF;
    UPDATE totals SET at_floor = at_floor + j.value::bigint FROM jsonb_each_text(c->3) j WHERE totals.type = j.key;
    RETURN raise_floor(p_head, '', '', (c->>2)::bigint, 'true');
END $$;

-- [[number…]]: broadcasts below their floor that have no receipts any more.
CREATE FUNCTION do_remove_broadcasts(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    gone bigint[] := firsts_of(c->1);
BEGIN
    DELETE FROM voids WHERE first = ANY (gone);
    DELETE FROM streamed WHERE first = ANY (gone);
    DELETE FROM words WHERE first = ANY (gone);
    DELETE FROM notifications WHERE first = ANY (gone);
    RETURN said(p_head, 'null', '');
END $$;

-- [{user: [number…]}]: what users did with broadcasts below their floor.
CREATE FUNCTION do_remove_receipts(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    part record;
BEGIN
    FOR part IN SELECT key, value FROM jsonb_each(c->1) LOOP
        PERFORM lift(part.key);
        DELETE FROM receipts WHERE user_id = part.key AND first = ANY (firsts_of(part.value));
    END LOOP;
    RETURN said(p_head, 'null', '');
END $$;

-- [app, [number…], now]: broadcasts of one app above the floor of all; they count as withdrawn.
CREATE FUNCTION do_void_broadcasts(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
DECLARE
    few bigint[];
BEGIN
    SELECT array_agg(first ORDER BY first) INTO few FROM notifications
    WHERE first = ANY (firsts_of(c->2)) AND user_id IS NULL AND withdrawn_at IS NULL AND first > broadcast_floor();
    IF few IS NULL THEN
        RETURN said(p_head, '0', '');
    END IF;
    -- The floor tells it: they take no numbers of their own.
    UPDATE notifications SET body = '{}', withdrawn_at = (c->>3)::bigint,
        sum = checksum(first, id, user_id, device_id, '{}') WHERE first = ANY (few);
    DELETE FROM words WHERE first = ANY (few);
    INSERT INTO voids (first, seq, user_id, type, device_id)
    SELECT first, seq, NULL, type, device_id FROM notifications WHERE first = ANY (few);
    RETURN raise_floor(p_head, '', c->>1, few[array_upper(few, 1)], cardinality(few)::text);
END $$;

-- [[[user, type, device, upTo]…]]
CREATE FUNCTION do_purge_marks(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM marks m USING jsonb_array_elements(c->1) j
    WHERE m.user_id = j->>0 AND m.type = j->>1 AND m.device_id = j->>2 AND m.upto = (j->>3)::bigint;
    RETURN said(p_head, 'null', '');
END $$;

-- [[[user, upTo]…]]
CREATE FUNCTION do_purge_watermarks(p_head bigint, c jsonb) RETURNS step LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM watermarks w USING jsonb_array_elements(c->1) j
    WHERE w.user_id = j->>0 AND w.upto = (j->>1)::bigint;
    RETURN said(p_head, 'null', '');
END $$;

-- ------------------------------------------------------------ a batch

-- What a draft comes to, decided one by one where it has a key or a quota: no verdict takes a number. `used` is what
-- is then spent of the quota.
CREATE FUNCTION decide(
    p_user text, p_app text, p_created bigint, p_id text, p_quota bigint, p_scope text, p_key text, p_print bytea,
    OUT verdict text, OUT used bigint
) LANGUAGE plpgsql AS $$
DECLARE
    once idempotency;
    q quotas;
    its_hour bigint := p_created / 3600000;
BEGIN
    IF p_scope IS NOT NULL THEN
        SELECT * INTO once FROM idempotency WHERE scope = p_scope AND key = p_key AND expires_at > p_created;
        IF FOUND AND once.fingerprint <> p_print THEN
            verdict := refused('used-key');
            RETURN;
        ELSIF FOUND THEN
            verdict := json_build_array('again', once.notification_id, coalesce((SELECT s.streams FROM notifications n
                JOIN streamed s ON s.first = n.first WHERE n.id = once.notification_id), 0))::text;
            RETURN;
        END IF;
    END IF;
    IF p_user IS NOT NULL AND joined_of(p_user) IS NULL THEN
        verdict := refused('not-found', 'User');
        RETURN;
    END IF;
    IF p_quota IS NOT NULL THEN
        SELECT * INTO q FROM quotas WHERE app_id = p_app AND user_id = p_user;
        -- Overtaken at the turn of the hour: charged to the newer one, which must not start anew.
        IF q.hour = its_hour + 1 THEN
            its_hour := q.hour;
        ELSIF q.hour IS DISTINCT FROM its_hour THEN
            q.used := 0;
        END IF;
        IF q.used >= p_quota THEN
            verdict := refused('too-many', q.used::text);
            RETURN;
        END IF;
        decide.used := q.used + 1;
        INSERT INTO quotas (app_id, user_id, hour, used) VALUES (p_app, p_user, its_hour, decide.used)
        ON CONFLICT (app_id, user_id) DO UPDATE SET hour = excluded.hour, used = excluded.used;
    END IF;
    IF p_scope IS NOT NULL THEN
        INSERT INTO idempotency (scope, key, fingerprint, notification_id, expires_at)
        VALUES (p_scope, p_key, p_print, p_id, p_created + 86400000)
        ON CONFLICT (scope, key) DO UPDATE SET fingerprint = excluded.fingerprint,
            notification_id = excluded.notification_id, expires_at = excluded.expires_at;
    END IF;
END $$;

-- One transaction of a node: decided, numbered, written, noted and announced.
--
-- Commands are arrays: ["append", from, to, plain] of the drafts (`plain`: none of them has a key or a quota);
-- ["part", from, to, now, whole, at, scope, key, fingerprint, [null or what was refused before…]]; and the `do_…`
-- above by their names. `p_after` is the batch that the node's row must still name: one that was given up on must
-- not come in late.
CREATE FUNCTION tocsin_batch(
    p_node text, p_after text, p_batch text, p_notify boolean, p_commands jsonb,
    p_ids text[], p_users text[], p_devices text[], p_apps text[], p_types text[], p_senders text[],
    p_credentials text[], p_created bigint[], p_bodies text[], p_quotas bigint[], p_scopes text[], p_keys text[],
    p_prints bytea[], p_streamed_first bigint[], p_streamed bigint[]
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    l log;
    was bigint;
    c jsonb;
    done step;
    results text[] := '{}';
    changes text[] := '{}';
    told text[] := '{}';
    tell boolean := p_notify;
    size bigint := 0;
    verdicts text[];
    verdict_now text;
    spent bigint[];
    spent_now bigint;
    seqs bigint[];
    low integer;
    high integer;
    kept text;
    reply text;
    awaited text;
    -- Whether somebody has changed who is known.
    identity boolean := false;
BEGIN
    SELECT * INTO l FROM log FOR UPDATE;
    IF substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) <> l.timeline THEN
        -- Another history than the one that the epoch was drawn for.
        l.timeline := substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8);
        l.epoch := substr(md5(gen_random_uuid()::text), 1, 8);
        UPDATE log SET epoch = l.epoch, timeline = l.timeline;
    END IF;
    was := l.head;
    FOR c IN SELECT value FROM jsonb_array_elements(p_commands) LOOP
        IF c->>0 = 'append' OR c->>0 = 'part' THEN
            low := (c->>1)::integer;
            high := (c->>2)::integer;
            spent := '{}';
            IF c->>0 = 'part' THEN
                kept := part_of_before(c, p_users);
                IF kept IS NOT NULL THEN
                    results := results || kept;
                    CONTINUE;
                END IF;
            END IF;
            IF c->>0 = 'part' OR (c->>3)::boolean THEN
                SELECT array_agg(d.verdict ORDER BY d.place) INTO verdicts FROM (
                    SELECT u.place, CASE WHEN u.user_id IS NOT NULL AND k.id IS NULL
                        THEN refused('not-found', 'User') END AS verdict
                    FROM unnest(p_users[low:high]) WITH ORDINALITY u (user_id, place)
                    LEFT JOIN users k ON k.id = u.user_id
                ) d;
            ELSE
                verdicts := '{}';
                FOR i IN low..high LOOP
                    SELECT d.verdict, d.used INTO verdict_now, spent_now FROM decide(p_users[i], p_apps[i],
                        p_created[i], p_ids[i], p_quotas[i], p_scopes[i], p_keys[i], p_prints[i]) d;
                    verdicts := array_append(verdicts, verdict_now);
                    spent := array_append(spent, spent_now);
                END LOOP;
            END IF;
            SELECT array_agg(CASE WHEN d.verdict IS NULL THEN l.head + d.number END ORDER BY d.place) INTO seqs FROM (
                SELECT v.verdict, v.place, count(*) FILTER (WHERE v.verdict IS NULL) OVER (ORDER BY v.place) AS number
                FROM unnest(verdicts) WITH ORDINALITY v (verdict, place)
            ) d;
            INSERT INTO notifications (first, seq, since, created_at, sum, id, user_id, device_id, app_id, type,
                sender, credential, body)
            SELECT d.seq, d.seq, d.seq, d.created_at, checksum(d.seq, d.id, d.user_id, d.device_id, d.body), d.id,
                d.user_id, d.device_id, d.app_id, d.type, d.sender, d.credential, d.body
            FROM unnest(seqs, p_created[low:high], p_ids[low:high], p_users[low:high], p_devices[low:high],
                p_apps[low:high], p_types[low:high], p_senders[low:high], p_credentials[low:high],
                p_bodies[low:high])
                AS d (seq, created_at, id, user_id, device_id, app_id, type, sender, credential, body)
            WHERE d.seq IS NOT NULL;
            UPDATE counters SET own = own + s.number FROM (
                SELECT d.user_id, d.type, count(*) AS number
                FROM unnest(seqs, p_users[low:high], p_types[low:high]) AS d (seq, user_id, type)
                WHERE d.seq IS NOT NULL AND d.user_id IS NOT NULL GROUP BY d.user_id, d.type
            ) s WHERE counters.user_id = s.user_id AND counters.type = s.type;
            UPDATE totals SET total = total + s.number FROM (
                SELECT d.type, count(*) AS number
                FROM unnest(seqs, p_users[low:high], p_types[low:high]) AS d (seq, user_id, type)
                WHERE d.seq IS NOT NULL AND d.user_id IS NULL GROUP BY d.type
            ) s WHERE totals.type = s.type;
            l.head := coalesce((SELECT max(s) FROM unnest(seqs) s), l.head);
            IF tell THEN
                size := size + coalesce((SELECT sum(octet_length(b)) FROM unnest(p_bodies[low:high]) b), 0);
                tell := size < 7900;
            END IF;
            IF tell THEN
                told := told || coalesce((SELECT array_agg(json_build_array(
                        'n', d.seq, d.seq, d.seq, d.id, d.user_id, d.device_id, d.body)::text ORDER BY d.seq)
                    FROM unnest(seqs, p_ids[low:high], p_users[low:high], p_devices[low:high], p_bodies[low:high])
                        AS d (seq, id, user_id, device_id, body) WHERE d.seq IS NOT NULL), '{}');
            END IF;
            IF c->>0 = 'part' THEN
                PERFORM keep_part(c, p_ids[low:high], seqs);
            END IF;
            results := results || ('[' || coalesce((SELECT string_agg(coalesce(v.verdict,
                    '[' || v.seq || ',' || v.spent || ']', v.seq::text), ',' ORDER BY v.place)
                FROM unnest(verdicts, seqs, spent) WITH ORDINALITY AS v (verdict, seq, spent, place)), '') || ']');
        ELSE
            CASE c->>0
                WHEN 'act' THEN done := do_act(l.head, c);
                WHEN 'mark' THEN done := do_mark(l.head, c);
                WHEN 'confirm' THEN done := do_confirm(l.head, c);
                WHEN 'withdraw' THEN done := do_withdraw(l.head, c);
                WHEN 'put_user' THEN done := do_put_user(l.head, c);
                WHEN 'delete_user' THEN done := do_delete_user(l.head, c);
                WHEN 'put' THEN done := do_put(l.head, c);
                WHEN 'put_session' THEN done := do_put_session(l.head, c);
                WHEN 'prolong_session' THEN done := do_prolong_session(l.head, c);
                WHEN 'delete' THEN done := do_delete(l.head, c);
                WHEN 'install' THEN done := do_install(l.head, c);
                WHEN 'setting' THEN done := do_setting(l.head, c);
                WHEN 'record' THEN
                    PERFORM put_audit(c->1);
                    done := said(l.head, 'null', '');
                WHEN 'note' THEN done := said(l.head, 'null', '');
                WHEN 'forget' THEN done := do_forget(l.head, c);
                WHEN 'remove_of_leaver' THEN done := do_remove_of_leaver(l.head, c);
                WHEN 'remove_own' THEN done := do_remove_own(l.head, c);
                WHEN 'raise_broadcasts' THEN done := do_raise_broadcasts(l.head, c);
                WHEN 'remove_broadcasts' THEN done := do_remove_broadcasts(l.head, c);
                WHEN 'remove_receipts' THEN done := do_remove_receipts(l.head, c);
                WHEN 'void_broadcasts' THEN done := do_void_broadcasts(l.head, c);
                WHEN 'purge_marks' THEN done := do_purge_marks(l.head, c);
                WHEN 'purge_watermarks' THEN done := do_purge_watermarks(l.head, c);
            END CASE;
            l.head := done.head;
            results := results || done.result;
            IF done.changes <> '' THEN
                changes := changes || done.changes;
                told := told || done.changes;
                identity := identity OR done.changes LIKE '["i"%';
            END IF;
        END IF;
    END LOOP;
    INSERT INTO streamed (first, streams) SELECT * FROM unnest(p_streamed_first, p_streamed)
    ON CONFLICT (first) DO UPDATE SET streams = excluded.streams;
    IF l.head > was THEN
        UPDATE log SET head = l.head;
        -- Who has streams for what was sent; and all who live, where each may know somebody as they were.
        SELECT json_agg(n.node) INTO awaited FROM (
            SELECT node FROM presence WHERE audience IN (SELECT coalesce(u, '') FROM unnest(p_users) u)
            UNION SELECT id FROM nodes WHERE identity AND seen_at > clock_timestamp() - interval '5 seconds'
        ) n WHERE n.node <> p_node;
        IF p_notify THEN
            reply := '{"epoch":"' || l.epoch || '","first":' || was + 1 || ',"last":' || l.head
                || ',"node":' || to_json(p_node);
            kept := CASE WHEN tell THEN reply || ',"entries":[' || array_to_string(told, ',') || ']}' END;
            IF octet_length(kept) <= 7900 THEN
                PERFORM pg_notify('tocsin', kept);
            ELSE
                PERFORM pg_notify('tocsin', reply || '}');
            END IF;
        END IF;
    END IF;
    reply := '{"epoch":"' || l.epoch || '","first":' || was + 1 || ',"last":' || l.head
        || ',"results":[' || array_to_string(results, ',') || '],"changes":[' || array_to_string(changes, ',')
        || '],"awaited":' || coalesce(awaited, '[]') || '}';
    UPDATE nodes SET seen_at = clock_timestamp(), batch = p_batch, answer = reply
    WHERE id = p_node AND batch = p_after;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this batch was given up on' USING ERRCODE = 'TC001';
    END IF;
    RETURN reply;
END $$;

-- What became of a part of a batch before, or why all of it is withheld; NULL when it is to be kept.
CREATE FUNCTION part_of_before(c jsonb, p_users text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    b batches;
    gone text;
BEGIN
    IF c->>6 IS NOT NULL THEN
        SELECT * INTO b FROM batches
        WHERE scope = c->>6 AND key = c->>7 AND at = (c->>5)::bigint AND expires_at > (c->>3)::bigint;
        IF FOUND AND b.fingerprint <> decode(c->>8, 'hex') THEN
            RETURN refused('used-key');
        ELSIF FOUND THEN
            RETURN json_build_object('earlier', b.results::json, 'streamed', (
                SELECT coalesce(json_object_agg(n.id, s.streams), '{}')
                FROM json_array_elements(b.results::json) e
                JOIN notifications n ON n.id = e #>> '{}' JOIN streamed s ON s.first = n.first
                WHERE json_typeof(e) = 'string'))::text;
        END IF;
    END IF;
    IF (c->>4)::boolean THEN
        SELECT json_agg(DISTINCT u)::text INTO gone
        FROM unnest(p_users[(c->>1)::integer:(c->>2)::integer]) u WHERE u IS NOT NULL AND joined_of(u) IS NULL;
        IF gone IS NOT NULL OR EXISTS (SELECT 1 FROM jsonb_array_elements(c->9) e WHERE e <> 'null') THEN
            RETURN json_build_object('withheld', coalesce(gone::json, '[]'))::text;
        END IF;
    END IF;
    RETURN NULL;
END $$;

-- Remember what became of a part.
CREATE FUNCTION keep_part(c jsonb, p_ids text[], p_seqs bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF c->>6 IS NULL THEN
        RETURN;
    END IF;
    IF (c->>5)::bigint = 0 THEN
        -- What an expired request left under the key could be taken for parts of this one.
        DELETE FROM batches WHERE scope = c->>6 AND key = c->>7;
    END IF;
    INSERT INTO batches (scope, key, at, fingerprint, results, expires_at)
    SELECT c->>6, c->>7, (c->>5)::bigint, decode(c->>8, 'hex'), json_agg(
        CASE WHEN e.refused <> 'null' THEN e.refused
            WHEN p_seqs[e.number] IS NULL THEN '["not-found", "", "User not found"]'::jsonb
            ELSE to_jsonb(p_ids[e.number]) END ORDER BY e.place), (c->>3)::bigint + 86400000
    FROM (SELECT value AS refused, place, count(*) FILTER (WHERE value = 'null') OVER (ORDER BY place) AS number
        FROM jsonb_array_elements(c->9) WITH ORDINALITY AS j (value, place)) AS e (refused, place, number)
    ON CONFLICT (scope, key, at) DO UPDATE SET fingerprint = excluded.fingerprint, results = excluded.results,
        expires_at = excluded.expires_at;
END $$;
