-- The reads of the store on PostgreSQL that take more than one query: each is one call and so of one snapshot.
-- They answer JSON. A notification is told as [first, seq, id, user, device, body, sum, since, withdrawn at, read at,
-- dismissed at, acknowledged at].

-- In PL/pgSQL, as `marked_at` is: a function in SQL that cannot be made a part of the query is planned for each row.
CREATE FUNCTION item_row(n notifications, p_user text) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE
    r receipts;
BEGIN
    SELECT * INTO r FROM receipts WHERE user_id = p_user AND first = n.first;
    RETURN json_build_array(n.first, n.seq, n.id, n.user_id, n.device_id, n.body, n.sum, n.since, n.withdrawn_at,
        read_at_of(p_user, n.type, n.device_id, n.since, r.read, r.read_at), r.dismissed_at, r.acknowledged_at);
END $$;

-- What changed for a user (NULL: broadcasts only) after a number, each kind by its own index. Of notifications, own
-- and broadcast, there are no more once their bodies have more than p_bytes.
CREATE FUNCTION read_changes(
    p_user text, p_devices text[], p_since bigint, p_limit integer, p_bytes integer, p_span bigint
) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    head_now bigint := (SELECT head FROM log);
    upto_now bigint := CASE WHEN p_devices IS NULL THEN head_now ELSE least(head_now, p_since + p_span) END;
    its_joined bigint := CASE WHEN p_user IS NULL THEN 0 ELSE coalesce(joined_of(p_user), head_now) END;
    low bigint := greatest(its_joined, broadcast_floor());
    own json;
    broadcasts json;
    receipts_ json;
    marks_ json;
    floors_ json;
BEGIN
    SELECT json_agg(item_row(n, p_user) ORDER BY n.seq) INTO broadcasts FROM (
        SELECT first, sum(bytes) OVER (ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ahead FROM (
            (SELECT n.first, n.seq, octet_length(n.body) FROM notifications n
            WHERE n.user_id IS NULL AND n.first > greatest(p_since, low) AND n.first <= upto_now AND n.seq = n.first
                AND (p_devices IS NULL OR n.device_id = ANY (p_devices)) ORDER BY n.first LIMIT p_limit)
            UNION ALL
            (SELECT n.first, n.seq, octet_length(n.body) FROM notifications n
            WHERE n.user_id IS NULL AND n.seq > p_since AND n.seq <= upto_now AND n.seq <> n.first AND n.first > low
                AND (p_devices IS NULL OR n.device_id = ANY (p_devices)) ORDER BY n.seq LIMIT p_limit)
        ) AS both_ (first, seq, bytes) ORDER BY seq LIMIT p_limit
    ) AS few JOIN notifications n ON n.first = few.first WHERE coalesce(few.ahead, 0) <= p_bytes;
    SELECT json_agg(json_build_array(f.seq, f.owner, f.app_id, f.upto) ORDER BY f.seq) INTO floors_ FROM (
        SELECT * FROM floors WHERE owner IN ('', p_user) AND seq > p_since AND seq <= upto_now
        ORDER BY seq LIMIT p_limit
    ) AS f;
    IF p_user IS NOT NULL THEN
        SELECT json_agg(item_row(n, p_user) ORDER BY n.seq) INTO own FROM (
            SELECT first, sum(bytes) OVER (ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ahead
            FROM (
                (SELECT n.first, n.seq, octet_length(n.body) FROM notifications n
                WHERE n.user_id = p_user AND n.first > greatest(p_since, its_joined) AND n.first <= upto_now
                    AND n.seq = n.first
                    AND (p_devices IS NULL OR n.device_id = ANY (p_devices)) ORDER BY n.first LIMIT p_limit)
                UNION ALL
                (SELECT n.first, n.seq, octet_length(n.body) FROM notifications n
                WHERE n.user_id = p_user AND n.seq > p_since AND n.seq <= upto_now AND n.seq <> n.first
                    AND n.first > its_joined
                    AND (p_devices IS NULL OR n.device_id = ANY (p_devices)) ORDER BY n.seq LIMIT p_limit)
            ) AS both_ (first, seq, bytes) ORDER BY seq LIMIT p_limit
        ) AS few JOIN notifications n ON n.first = few.first WHERE coalesce(few.ahead, 0) <= p_bytes;
        SELECT json_agg(json_build_array(r.seq, r.id, r.first, r.device_id,
            read_at_of(p_user, r.type, r.device_id, r.since, r.read, r.read_at), r.dismissed_at, r.acknowledged_at)
            ORDER BY r.seq) INTO receipts_ FROM (
            SELECT r.*, n.id, n.since FROM receipts r JOIN notifications n ON n.first = r.first
            WHERE r.user_id = p_user AND r.seq > p_since AND r.seq <= upto_now AND r.first > its_joined
                AND n.withdrawn_at IS NULL AND (p_devices IS NULL OR r.device_id = ANY (p_devices))
            ORDER BY r.seq LIMIT p_limit
        ) AS r;
        SELECT json_agg(json_build_array(m.seq, m.type, m.device_id, m.upto, m.at) ORDER BY m.seq) INTO marks_ FROM (
            SELECT * FROM marks
            WHERE user_id = p_user AND seq > p_since AND seq <= upto_now
                AND (p_devices IS NULL OR device_id = '' OR device_id = ANY (p_devices))
            ORDER BY seq LIMIT p_limit
        ) AS m;
    END IF;
    RETURN json_build_object('head', head_now, 'upto', upto_now, 'joined', its_joined,
        'floor', (SELECT coalesce(max(upto), 0) FROM floors WHERE owner IN ('', p_user)),
        'own', coalesce(own, '[]'), 'broadcasts', coalesce(broadcasts, '[]'), 'receipts', coalesce(receipts_, '[]'),
        'marks', coalesce(marks_, '[]'), 'floors', coalesce(floors_, '[]'));
END $$;

-- A number that everything created from `p_at` on (plus a margin for clocks that were set) lies above. What is newer
-- than the last or older than the first was stamped by a clock that was wrong: it says nothing, and the search goes on
-- to the side that leaves more in.
CREATE FUNCTION border(p_at bigint, p_margin bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 0;
    high bigint := (SELECT coalesce(max(first), 0) + 1 FROM notifications);
    least_at bigint := (SELECT created_at - abs(p_margin) FROM notifications ORDER BY first LIMIT 1);
    most_at bigint := (SELECT created_at + abs(p_margin) FROM notifications ORDER BY first DESC LIMIT 1);
    middle bigint;
    found_first bigint;
    found_at bigint;
BEGIN
    WHILE low < high LOOP
        middle := (low + high) / 2;
        SELECT first, created_at INTO found_first, found_at FROM notifications
        WHERE first >= middle ORDER BY first LIMIT 1;
        IF FOUND AND (CASE WHEN found_at BETWEEN least_at AND most_at THEN found_at < p_at + p_margin
            ELSE p_margin > 0 END) THEN
            low := found_first + 1;
        ELSE
            high := middle;
        END IF;
    END LOOP;
    RETURN low;
END $$;

CREATE FUNCTION texts(p jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(p) = 'array' THEN ARRAY(SELECT jsonb_array_elements_text(p)) END
$$;

-- The numbers of one page of an inbox, newest first, and where the next one begins; NULL when this was the last.
-- `w` is what is wanted; `p_among`: only these; `p_look`: so many are looked through where not all are wanted.
CREATE FUNCTION scan(
    p_user text, w jsonb, p_among bigint[], p_low bigint, p_low_all bigint, p_before bigint, p_limit integer,
    p_look integer, OUT firsts bigint[], OUT next bigint
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    bottom bigint := 0;
    wanted text := '';
    source text := 'notifications n';
BEGIN
    IF w->'types' <> 'null' THEN wanted := wanted || ' AND n.type = ANY ($5)'; END IF;
    IF w->'devices' <> 'null' THEN wanted := wanted || ' AND n.device_id = ANY ($6)'; END IF;
    IF w->'apps' <> 'null' THEN wanted := wanted || ' AND n.app_id = ANY ($7)'; END IF;
    IF w->'groups' <> 'null' THEN wanted := wanted || $q$ AND n.body::json->>'group' = ANY ($8)$q$; END IF;
    IF w->'signs' <> 'null' THEN
        -- The raw text first: only of what has it somewhere is it seen where.
        wanted := wanted || $q$ AND NOT EXISTS (SELECT 1 FROM unnest($16) AS s (sign) WHERE NOT CASE
            WHEN position(s.sign IN n.body) = 0 THEN false
            ELSE position(s.sign IN n.body::json->>'title') > 0 OR position(s.sign IN n.body::json->>'message') > 0
            END)$q$;
    END IF;
    IF w->'from' <> 'null' THEN wanted := wanted || ' AND n.created_at >= $9'; END IF;
    IF w->'to' <> 'null' THEN wanted := wanted || ' AND n.created_at < $10'; END IF;
    IF w->'dismissed' <> 'null' THEN wanted := wanted || ' AND (r.dismissed_at IS NOT NULL) = $11'; END IF;
    IF w->'unread' <> 'null' THEN
        wanted := wanted
            || ' AND (read_at_of($1, n.type, n.device_id, n.since, r.read, r.read_at) IS NULL) = $12';
    END IF;
    IF p_among IS NOT NULL THEN
        source := 'unnest($13) AS among (first) JOIN notifications n ON n.first = among.first';
    ELSIF wanted <> '' THEN
        bottom := greatest(
            coalesce((SELECT first FROM notifications WHERE user_id = p_user AND first < p_before AND first > p_low
                ORDER BY first DESC LIMIT 1 OFFSET p_look), 0),
            coalesce((SELECT first FROM notifications WHERE user_id IS NULL AND first < p_before AND first > p_low_all
                ORDER BY first DESC LIMIT 1 OFFSET p_look), 0));
    END IF;
    EXECUTE format($q$
        SELECT array_agg(found.first ORDER BY found.first DESC) FROM (
            SELECT own_and_all.first FROM (
                (SELECT n.first FROM %1$s LEFT JOIN receipts r ON r.user_id = $1 AND r.first = n.first
                WHERE n.user_id = $1 AND n.first < $2 AND n.first > greatest($3, $14) AND n.withdrawn_at IS NULL %2$s
                ORDER BY n.first DESC LIMIT $15 + 1)
                UNION ALL
                (SELECT n.first FROM %1$s LEFT JOIN receipts r ON r.user_id = $1 AND r.first = n.first
                WHERE n.user_id IS NULL AND n.first < $2 AND n.first > greatest($4, $14) AND n.withdrawn_at IS NULL %2$s
                ORDER BY n.first DESC LIMIT $15 + 1)
            ) AS own_and_all ORDER BY own_and_all.first DESC LIMIT $15 + 1
        ) AS found $q$, source, wanted)
    INTO firsts
    USING p_user, p_before, p_low, p_low_all, texts(w->'types'), texts(w->'devices'), texts(w->'apps'),
        texts(w->'groups'), (w->>'from')::bigint, (w->>'to')::bigint, (w->>'dismissed')::boolean,
        (w->>'unread')::boolean, p_among, bottom, p_limit, texts(w->'signs');
    firsts := coalesce(firsts, '{}');
    IF cardinality(firsts) > p_limit THEN
        next := CASE WHEN p_limit > 0 THEN firsts[p_limit] ELSE firsts[1] + 1 END;
        firsts := firsts[1:p_limit];
    ELSIF bottom > 0 THEN
        next := bottom + 1;
    END IF;
END $$;

-- A page of a user's notifications, newest first; own ones and broadcasts merged by their creation.
CREATE FUNCTION read_inbox(
    p_user text, w jsonb, p_among bigint[], p_before bigint, p_limit integer, p_look integer, p_margin bigint
) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    head_now bigint := (SELECT head FROM log);
    its_joined bigint := joined_of(p_user);
    place bigint := coalesce(p_before, 1::bigint << 62);
    low bigint := its_joined;
    low_all bigint := greatest(its_joined, broadcast_floor());
    bottom bigint := 0;
    shown bigint[];
    more bigint[];
    explicit_ bigint[];
    next bigint;
    its_mark bigint;
BEGIN
    IF its_joined IS NULL THEN
        RETURN json_build_object('head', head_now, 'next', NULL, 'items', '[]'::json);
    END IF;
    IF w->'to' <> 'null' THEN
        place := least(place, border((w->>'to')::bigint, p_margin));
    END IF;
    IF w->'from' <> 'null' THEN
        bottom := border((w->>'from')::bigint, -p_margin) - 1;
    END IF;
    low := greatest(low, bottom);
    low_all := greatest(low_all, bottom);
    IF (w->>'unread')::boolean THEN
        -- Below the marks there is only what was set unread, and that is a short list.
        its_mark := coalesce((SELECT min(mark) FROM counters WHERE user_id = p_user), 0);
        SELECT s.firsts, s.next INTO shown, next
        FROM scan(p_user, w, p_among, greatest(low, its_mark), greatest(low_all, its_mark), place, p_limit, p_look) s;
        IF next IS NULL AND its_mark > 0 THEN
            explicit_ := ARRAY(SELECT first FROM receipts
                WHERE user_id = p_user AND NOT read AND first < place AND first <= its_mark
                ORDER BY first DESC LIMIT 500);
            more := CASE WHEN p_among IS NULL THEN explicit_
                ELSE ARRAY(SELECT unnest(explicit_) INTERSECT SELECT unnest(p_among)) END;
            SELECT shown || s.firsts, s.next INTO shown, next
            FROM scan(p_user, w, more, low, low_all, least(place, its_mark + 1),
                p_limit - cardinality(shown), p_look) s;
            IF next IS NULL AND cardinality(explicit_) = 500 THEN
                next := explicit_[500];
            END IF;
        END IF;
    ELSE
        SELECT s.firsts, s.next INTO shown, next
        FROM scan(p_user, w, p_among, low, low_all, place, p_limit, p_look) s;
    END IF;
    RETURN json_build_object('head', head_now, 'next', next, 'items', (
        SELECT coalesce(json_agg(item_row(n, p_user) ORDER BY n.first DESC), '[]')
        FROM unnest(shown) AS f (first) JOIN notifications n ON n.first = f.first));
END $$;

-- One of a user's notifications, or NULL.
CREATE FUNCTION read_item(p_user text, p_id text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT item_row(n, p_user)::text FROM notifications n
    WHERE n.id = p_id AND (n.user_id = p_user OR n.user_id IS NULL) AND n.withdrawn_at IS NULL
        AND n.first > (SELECT joined FROM users WHERE id = p_user)
        AND (n.user_id IS NOT NULL OR n.first > broadcast_floor())
$$;

CREATE FUNCTION read_unread(p_user text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT json_build_array(unread_of(p_user), (SELECT head FROM log))::text
$$;

-- What became of a notification, for its sender; nothing of one that retention has let go of, which kept its number.
CREATE FUNCTION read_whereabouts(p_id text, p_after text, p_limit integer) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    n notifications;
    sums json;
    page json;
BEGIN
    SELECT * INTO n FROM notifications WHERE id = p_id AND (withdrawn_at IS NULL OR seq <> first);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT json_build_array(count(*), count(delivered), count(read), count(dismissed), count(acknowledged)) INTO sums
    FROM (
        SELECT
            (SELECT CASE WHEN w.began < n.first THEN 1 END FROM watermarks w
                WHERE w.user_id = u.id AND w.upto >= n.first ORDER BY w.upto LIMIT 1) AS delivered,
            read_at_of(u.id, n.type, n.device_id, n.since, r.read, r.read_at) AS read,
            r.dismissed_at AS dismissed, r.acknowledged_at AS acknowledged
        FROM users u LEFT JOIN receipts r ON r.user_id = u.id AND r.first = n.first
        WHERE u.joined < n.first AND (n.user_id IS NULL OR u.id = n.user_id)
    ) AS one;
    SELECT json_agg(json_build_array(p.id, p.delivered, p.read, p.dismissed_at, p.acknowledged_at) ORDER BY p.id)
    INTO page FROM (
        SELECT u.id,
            (SELECT CASE WHEN w.began < n.first THEN w.at END FROM watermarks w
                WHERE w.user_id = u.id AND w.upto >= n.first ORDER BY w.upto LIMIT 1) AS delivered,
            read_at_of(u.id, n.type, n.device_id, n.since, r.read, r.read_at) AS read,
            r.dismissed_at, r.acknowledged_at
        FROM users u LEFT JOIN receipts r ON r.user_id = u.id AND r.first = n.first
        WHERE u.id > p_after AND u.joined < n.first AND (n.user_id IS NULL OR u.id = n.user_id)
        ORDER BY u.id LIMIT p_limit
    ) AS p;
    RETURN json_build_object('first', n.first, 'sender', n.sender, 'credential', n.credential, 'user', n.user_id,
        'created', n.created_at, 'withdrawn', n.withdrawn_at,
        'streamed', coalesce((SELECT streams FROM streamed WHERE first = n.first), 0), 'sums', sums,
        'page', coalesce(page, '[]'));
END $$;

-- Every change after a number, in order, as entries.
CREATE FUNCTION read_tail(p_after bigint, p_limit integer) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    l log;
    entries json;
BEGIN
    SELECT * INTO l FROM log;
    SELECT json_agg(e.entry ORDER BY e.seq) INTO entries FROM (
        SELECT every.seq, every.entry FROM (
            (SELECT n.seq,
                json_build_array('n', n.seq, n.first, n.since, n.id, n.user_id, n.device_id, n.body) AS entry
            FROM notifications n
            WHERE n.first > p_after AND n.first <= l.head AND n.seq = n.first AND n.withdrawn_at IS NULL
            ORDER BY n.first LIMIT p_limit)
            UNION ALL
            (SELECT n.seq, CASE WHEN n.withdrawn_at IS NULL
                THEN json_build_array('n', n.seq, n.first, n.since, n.id, n.user_id, n.device_id, n.body)
                ELSE json_build_array('w', n.seq, n.user_id, n.id, n.first, n.device_id) END
            FROM notifications n WHERE n.seq <> n.first AND n.seq > p_after AND n.seq <= l.head
            ORDER BY n.seq LIMIT p_limit)
            UNION ALL
            (SELECT r.seq, json_build_array('r', r.seq, r.user_id, n.id, r.first, r.device_id,
                read_at_of(r.user_id, r.type, r.device_id, n.since, r.read, r.read_at),
                r.dismissed_at, r.acknowledged_at)
            FROM receipts r JOIN notifications n ON n.first = r.first
            WHERE r.seq > p_after AND r.seq <= l.head AND n.withdrawn_at IS NULL ORDER BY r.seq LIMIT p_limit)
            UNION ALL
            (SELECT m.seq, json_build_array('m', m.seq, m.user_id, nullif(m.type, ''), nullif(m.device_id, ''),
                m.upto, m.at)
            FROM marks m WHERE m.seq > p_after AND m.seq <= l.head ORDER BY m.seq LIMIT p_limit)
            UNION ALL
            (SELECT f.seq, json_build_array('p', f.seq, nullif(f.owner, ''), nullif(f.app_id, ''), f.upto)
            FROM floors f WHERE f.seq > p_after AND f.seq <= l.head ORDER BY f.seq LIMIT p_limit)
            UNION ALL
            (SELECT c.seq, json_build_array('i', c.seq, c.kind, c.id)
            FROM changed c WHERE c.seq > p_after AND c.seq <= l.head ORDER BY c.seq LIMIT p_limit)
        ) AS every (seq, entry) ORDER BY every.seq LIMIT p_limit
    ) AS e;
    RETURN json_build_object('epoch', l.epoch, 'head', l.head, 'entries', coalesce(entries, '[]'));
END $$;

-- Numbers below one whose words are as asked for, newest first.
CREATE FUNCTION found_words(p_query tsquery, p_before bigint, p_limit integer)
RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT first FROM words WHERE words @@ p_query AND first < p_before ORDER BY first DESC LIMIT p_limit
$$;

-- Every query in these is a point or a short range of an index: while a table is small or was not analyzed yet, the
-- planner must not settle for reading all of it; and to plan one anew at each call costs as much as to run it.
DO $$
DECLARE
    name text;
    setting text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tocsin_batch', 'read_changes', 'read_inbox', 'read_item', 'read_unread',
        'read_whereabouts', 'read_tail']
    LOOP
        FOREACH setting IN ARRAY ARRAY['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin'] LOOP
            EXECUTE format('ALTER FUNCTION %I SET enable_%s = off', name, setting);
        END LOOP;
        EXECUTE format('ALTER FUNCTION %I SET plan_cache_mode = force_generic_plan', name);
    END LOOP;
END $$;
