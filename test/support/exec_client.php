<?php
// For the tests of `weir exec`: COUNT requests to URL by curl_exec ("easy") or curl_multi ("multi"); prints the statuses.
[, $mode, $url, $count] = $argv;
$statuses = [];

function tally($handle): void
{
    global $statuses;
    $status = curl_getinfo($handle, CURLINFO_HTTP_CODE);
    $statuses[$status] = ($statuses[$status] ?? 0) + 1;
}

function handle(string $url): CurlHandle
{
    $handle = curl_init($url);
    curl_setopt($handle, CURLOPT_RETURNTRANSFER, true);
    return $handle;
}

if ($mode === 'easy') {
    $handle = handle($url);
    for ($i = 0; $i < $count; $i++) {
        curl_exec($handle);
        tally($handle);
    }
} else {
    $multi = curl_multi_init();
    for ($i = 0; $i < $count; $i++) {
        curl_multi_add_handle($multi, handle($url));
    }
    do {
        $code = curl_multi_exec($multi, $running);
        while ($message = curl_multi_info_read($multi)) {
            tally($message['handle']);
            curl_multi_remove_handle($multi, $message['handle']);
        }
        if ($running) {
            curl_multi_select($multi);
        }
    } while ($running && $code === CURLM_OK);
}
echo json_encode($statuses), "\n";
