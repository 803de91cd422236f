{#- What the mail provider did with the German newsletter: one row per customer who was sent to it, and day. Planted: while the sender is not
    authenticated, the provider rejects two mails of five. -#}
{{ config(materialized='table') }}

with

audience as (

    select
        customer_id,
        snapshot_date
    from {{ ref('dim_customers_daily') }}
    where country = 'DE' and email_opt_in

),

faults as (

    select * from {{ ref('demo_faults') }}

),

sent as (

    select
        audience.customer_id,
        audience.snapshot_date as sent_on,
        'german_newsletter' as audience,
        case
            when faults.fault is not null and audience.customer_id % 5 < 2 then 'rejected'
            when (audience.customer_id * 31 + extract(doy from audience.snapshot_date) * 17) % 67 = 0 then 'bounced'
            else 'accepted'
        end as status
    from audience
    left join faults
        on faults.fault = 'mail_rejected'
        and audience.snapshot_date between cast(faults.starts_on as date) and cast(faults.ends_on as date)

),

outcomes as (

    select
        *,
        case status when 'rejected' then 'sender not authenticated' when 'bounced' then 'mailbox full' end as reason
    from sent

)

select * from outcomes
